# Debian with glibc, as where the tests run; the very Node.js that package-lock.json pins.
# A tag may be moved: to have the same bytes for ever, put the digest that your registry shows behind it in both FROM lines.
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-slim AS manifest
WORKDIR /app
COPY package.json package-lock.json .npmrc ./

FROM manifest AS build
# Without scripts the `node` package is an empty shell: the image's own Node.js runs the compiler.
RUN npm ci --ignore-scripts
COPY nest-cli.json tsconfig.json ./
COPY src src
RUN node node_modules/@nestjs/cli/bin/nest.js build

FROM manifest AS dependencies
# Optional are the compiler and Express, which Nest would use if they were there.
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:${NODE_VERSION}-slim
ENV NODE_ENV=production
WORKDIR /app
# The OpenAPI document has its version from package.json.
COPY package.json ./
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
# A number, so that Kubernetes can see that it is not root. It owns nothing here, and needs to write nothing.
USER 10001:10001
EXPOSE 3000
# Node.js itself, not the shell script of the base image; and no signal opens a debugger.
ENTRYPOINT ["node", "--disable-sigusr1"]
CMD ["dist/main.js"]
