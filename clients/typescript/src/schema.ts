// Made from openapi.json by `npm run client`. Do not edit.
export interface paths {
    "/api/v1/caller": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get your own name and scopes
         * @description What the credential of the request may do. It needs no scope.
         */
        get: operations["getCaller"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The Kigo account of a user
         * @description Kigo’s id for your ids of the user and the program. Scope: `kigo:read`.
         */
        get: operations["findAccount"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/user/unviewed-count": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How many tokens a user has not yet viewed
         * @description The number for a notification badge. It may come from the cache: see `Age` and `Cache-Status`. Scope: `kigo:read`.
         */
        get: operations["getUnviewedCount"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/unviewed-counts": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * The unviewed counts of up to 100 users
         * @description Results have the order of the request. Kigo is asked once for each user, and the call counts as many times for the rate limit as it has users. A user whose count is not available gets a `problem` instead of a count; the other users are not affected. Scope: `kigo:read`.
         */
        post: operations["batchGetUnviewedCounts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/unviewed-counts/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Refresh the cached counts of up to 100 users
         * @description For users who have just looked at their tokens, or were given some. Kigo is asked in the background, at most once in 5 s for each user: a call within these 5 s is served at their end. While Kigo fails, the cached count stays. The call counts for the rate limit as many times as it has users. Scope: `kigo:read`.
         */
        post: operations["refreshUnviewedCounts"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/accounts/{account_id}/hub-summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The hub summary of an account
         * @description What Kigo knows of the account, from the cache if it is fresh. `stale` is true while Kigo fails. Scope: `kigo:read`.
         */
        get: operations["getHubSummary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kiip/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Report that an app was opened or closed
         * @description Kiip rewards moments only after it has received a session. The gateway adds `app.app_key`, `sdk_version` and `test`. Scope: `kiip:write`.
         */
        post: operations["postKiipSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kiip/moments": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask Kiip to reward an action of a user
         * @description The gateway never resends a moment that may have reached Kiip. It only retries a moment that provably was not sent. It adds `app.app_key`, `sdk_version` and `test`. Scope: `kiip:write`.
         */
        post: operations["postKiipMoment"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/consumers": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the consumers, and whether they are paused
         * @description The consumers themselves are configured in DELIVERY_CONSUMERS. Scope: `deliveries:manage`.
         */
        get: operations["listConsumers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/consumers/{name}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause the deliveries to a consumer
         * @description Its deliveries and replays wait until it is resumed, whatever its URL. Attempts in flight end, and every replica obeys from its next look at the queue, within about a second. A consumer that a caller has paused already stays as it is. Scope: `deliveries:manage`.
         */
        post: operations["pauseConsumer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/consumers/{name}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resume the deliveries to a consumer
         * @description Ends a pause by a caller as well as one after a 410. Scope: `deliveries:manage`.
         */
        post: operations["resumeConsumer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/consumers/{name}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Send a test event to a consumer
         * @description One request with the type `gateway.test`, signed as every other, also while the consumer is paused. It is sent by the process that answers, in at most 10 s, is not sent again, and is neither in the ledger nor among the deliveries. The status is 200 whatever the consumer answers. Scope: `deliveries:manage`.
         */
        post: operations["testConsumer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List deliveries
         * @description To continue, send the `next` of a page as `after`, also later for deliveries that are new then. `410` means that the database was restored to a time before the cursor. Scope: `deliveries:manage`.
         */
        get: operations["listDeliveries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a delivery with its attempts
         * @description What the consumer answered each time, and how long it took. Scope: `deliveries:manage`.
         */
        get: operations["getDelivery"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/{id}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Retry a delivery now
         * @description Works for every status: a dead delivery is retried for three more days, and a delivered one is sent again. The `webhook-id` stays the same. If the consumer is paused after a 410, the pause ends; if a caller has paused it, the delivery waits. Scope: `deliveries:manage`.
         */
        post: operations["retryDelivery"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/replays": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List replays, newest first
         * @description To continue, send the `next` of a page as `after`, until it is null. Scope: `deliveries:manage`.
         */
        get: operations["listReplays"];
        put?: never;
        /**
         * Replay the entries of a time window to a consumer
         * @description Sends the accepted entries again under the same `webhook-id`s at the given rate, and continues after restarts. With `dry_run`, the entries are only counted and the status is 200. If the consumer is paused after a 410, the pause ends; if a caller has paused it, the replay waits. Scope: `deliveries:manage`.
         */
        post: operations["createReplay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/replays/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the progress of a replay
         * @description `done` of `count` rows have become due. Scope: `deliveries:manage`.
         */
        get: operations["getReplay"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/replays/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause a replay
         * @description Nothing further becomes due until it is resumed. What has become due (`done`) is still sent. Scope: `deliveries:manage`.
         */
        post: operations["pauseReplay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/replays/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Resume a paused replay
         * @description It continues after the last row that has become due. Scope: `deliveries:manage`.
         */
        post: operations["resumeReplay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/deliveries/replays/{id}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Cancel a replay for good
         * @description Nothing further becomes due. What has become due (`done`) is still sent. Scope: `deliveries:manage`.
         */
        post: operations["cancelReplay"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kiip/issuances/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get one ledger row with its verification, deliveries and timeline
         * @description What happened to it, in the order of time: what a moment promised, how it was verified, who decided, and each attempt to deliver it. Scope: `ledger:read`.
         */
        get: operations["getIssuance"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kiip/reconciliation": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Reconcile the ledger with the deliveries and with Kiip’s rewards
         * @description `accepted` = `delivered` + `pending` + `dead` + `quarantined` + `discarded` + `missing`, and `missing` must be 0. A window has at most ten years, and one reconciliation runs at a time. `rewards_without_callback` lists the rewards with a currency for which no callback has arrived. Scope: `ledger:read`.
         */
        get: operations["getReconciliation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kiip/users/{user_id}/rewards": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the last rewards of a user, newest first
         * @description What moments promised, and whether the callback has arrived. Scope: `ledger:read`.
         */
        get: operations["listUserRewards"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List who released, discarded, retried, replayed, paused, resumed, cancelled and erased
         * @description Oldest first, it is a feed that misses no entry: read until `items` is empty, keep `next`, and use it again later. Entries are never changed or deleted. `410` means that the database was restored to a time before the cursor: continue from an older cursor, or without `after`. Scope: `ledger:decide`.
         */
        get: operations["listAuditEntries"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Liveness probe
         * @description The process responds and was not blocked for 10 s.
         */
        get: operations["getLiveness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/startup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Startup probe
         * @description The process has started, and the database was reached once.
         */
        get: operations["getStartup"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Readiness probe
         * @description The process accepts traffic. Stores that are lost later are reported, and do not fail it.
         */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/dependencies": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * State of every upstream, store and consumer
         * @description For people and alerts; not for probes.
         */
        get: operations["getDependencies"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics for Prometheus
         * @description Every metric has a help text. None has an id of a user in its labels.
         */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Metrics of this replica over the last hour
         * @description For people. It begins with the process; `/metrics` has all.
         */
        get: operations["getMetricsHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/callbacks/kiip": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A redemption or an issuance: its fields tell which
         * @description As JSON or as a form. The fields decide what it is, whatever the path.
         */
        post: operations["receiveKiipCallback"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/callbacks/kiip/redemptions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * A redemption of a reward, signed by Kiip
         * @description As JSON or as a form. The fields decide what it is, whatever the path.
         */
        post: operations["receiveKiipRedemption"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/callbacks/kiip/issuances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * An issuance of a currency after the reward, signed by Kiip
         * @description As JSON or as a form. The fields decide what it is, whatever the path.
         */
        post: operations["receiveKiipIssuance"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kiip/issuances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the ledger
         * @description Oldest first, it is a feed that misses no entry: read until `items` is empty, keep `next`, and use it again later. An entry whose status changes appears again at the end, with its new status; `desc` may miss it: start again without `after`. `410` means that the database was restored to a time before the cursor: continue from an older cursor, or without `after`. Entries keep their ids. Scope: `ledger:read`.
         */
        get: operations["listIssuances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kiip/issuances/{id}/release": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Accept a quarantined entry: balances include it, and it is delivered
         * @description A `409` says why an entry cannot be released. Scope: `ledger:decide`.
         */
        post: operations["releaseIssuance"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kiip/issuances/{id}/discard": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Discard a quarantined entry for good
         * @description It stays in the ledger, counts in no balance, and is never delivered. Scope: `ledger:decide`.
         */
        post: operations["discardIssuance"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/kiip/users/{user_id}/balances": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the balances of a user, one per currency
         * @description The sum of the entries that are recorded or released, without test rewards. The list is empty for a user without entries. Scope: `ledger:read`.
         */
        get: operations["getBalances"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface webhooks {
    "kiip.currency.issued": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sent to every consumer in DELIVERY_CONSUMERS when a ledger row is accepted
         * @description Follows [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks). Verify the signature over the raw body, and store `webhook-id`: the same event may arrive more than once, always with the same id. Any 2xx completes the delivery. Otherwise it is retried after 5 s, then about twice as long each time, at most 12 h apart, for 3 days. `Retry-After` is obeyed, redirects are not followed, and an attempt may take 10 s. `410` pauses the consumer.
         */
        post: operations["receiveCurrencyIssued"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "gateway.test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sent once when a caller asks for a test
         * @description It is about nothing: verify the signature, and respond with any 2xx. Do the same for every other type that you do not know.
         */
        post: operations["receiveTest"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export interface components {
    schemas: {
        Account: {
            /** @description Opaque, always a string. */
            account_id: string;
        };
        Attempt: {
            /**
             * Format: int32
             * @description The HTTP status of the consumer; null if there was no response.
             */
            status: number | null;
            /** Format: date-time */
            at: string;
            /** @description The result in words, such as why there was no response. */
            outcome: string;
            /** Format: int32 */
            duration_ms: number;
        };
        Audit: {
            items: components["schemas"]["AuditEntry"][];
            /** @description The cursor for the next page; also returned after the last entry, for later ones. */
            next: string;
        };
        /** @enum {string} */
        AuditAction: "release" | "discard" | "retry" | "replay" | "pause" | "resume" | "cancel" | "erase";
        AuditEntry: {
            /** @description The caller; null where callers are not authenticated. For a command, its name. */
            caller: string | null;
            /** @description The `X-Request-Id` of the request; null for a command. */
            request_id: string | null;
            action: components["schemas"]["AuditAction"];
            /** @description Null if none was given. */
            reason: string | null;
            id: string;
            /** Format: date-time */
            at: string;
            /** @description The id of the ledger entry, the delivery or the replay, or the name of the consumer; for an erased user, the alias. */
            subject: string;
        };
        Balance: {
            name: string | null;
            content: string;
            /** Format: int64 */
            quantity: number;
        };
        Balances: {
            user_id: string;
            balances: components["schemas"]["Balance"][];
        };
        /**
         * @description The circuit breaker of the process that answers; null if it does not deliver (`ROLE=api`).
         * @enum {string}
         */
        BreakerState: "closed" | "half-open" | "open";
        /** @description What the gateway did with a callback. With each of these statuses, Kiip need not send it again. */
        CallbackResult: components["schemas"]["StoredCallback"] | components["schemas"]["SpooledCallback"];
        Caller: {
            /** @description Null without authentication. */
            name: string | null;
            scopes: components["schemas"]["Scope"][];
        };
        Consumer: {
            /** @description Null while deliveries are sent. */
            paused: components["schemas"]["Pause"] | null;
            /** @description The circuit breaker of the process that answers; null if it does not deliver (`ROLE=api`). */
            breaker: components["schemas"]["BreakerState"] | null;
            /** @description Pending deliveries; 10000 stands for any larger number. */
            pending: number;
            /** @description Dead deliveries, likewise. */
            dead: number;
            name: string;
            /** @description Its URL, without path and query. */
            origin: string;
        };
        Consumers: {
            /** @description In the order of DELIVERY_CONSUMERS. */
            items: components["schemas"]["Consumer"][];
        };
        CountRefresh: {
            /** @description How many different users the request names. */
            accepted: number;
        };
        CurrencyIssuedEvent: {
            /** @enum {string} */
            type: "kiip.currency.issued";
            /**
             * Format: date-time
             * @description When the row was accepted.
             */
            timestamp: string;
            data: components["schemas"]["Issuance"];
        };
        Decision: {
            /** @description No personal data: it is kept for as long as the ledger. */
            reason?: string;
        };
        Deliveries: {
            items: components["schemas"]["Delivery"][];
            /** @description The cursor for the next page; also returned after the last delivery, for later ones. */
            next: string;
        };
        Delivery: {
            /** @description `dead`: not accepted within three days; waits for a manual retry. */
            status: components["schemas"]["DeliveryStatus"];
            /**
             * Format: int32
             * @description The last HTTP status of the consumer; null if there was no response.
             */
            last_status: number | null;
            /**
             * Format: date-time
             * @description Null unless pending.
             */
            next_attempt_at: string | null;
            id: string;
            /** @description The id of the ledger row, which is also the `webhook-id` of every attempt. */
            issuance_id: string;
            consumer: string;
            /** Format: int32 */
            attempts: number;
        };
        DeliveryHistory: components["schemas"]["Delivery"] & {
            /**
             * Format: date-time
             * @description When it was delivered, or moved to the dead letters; null while it is pending.
             */
            ended_at: string | null;
            /**
             * Format: date-time
             * @description When the ledger row was accepted.
             */
            accepted_at: string;
            /** @description Oldest first. Attempts of ended deliveries are deleted after some time, so there may be less than `attempts`. */
            attempt_log: components["schemas"]["Attempt"][];
        };
        /** @enum {string} */
        DeliveryStatus: "pending" | "delivered" | "dead";
        ExternalUser: {
            external_user_id: string;
            external_program_id: string;
        };
        /** @enum {string} */
        Gender: "m" | "f";
        Health: {
            /** @enum {string} */
            status: "ok";
            /** @description The checks that passed. */
            info: {
                [key: string]: components["schemas"]["HealthCheck"];
            };
            /** @description The checks that failed; none in a 200 response. */
            error: {
                [key: string]: components["schemas"]["HealthCheck"];
            };
            /** @description All checks. */
            details: {
                [key: string]: components["schemas"]["HealthCheck"];
            };
        };
        HealthCheck: {
            status: components["schemas"]["HealthStatus"];
        } & {
            [key: string]: unknown;
        };
        /** @enum {string} */
        HealthStatus: "up" | "down";
        HubSummary: {
            /**
             * Format: int64
             * @description Tokens that the user has not yet viewed, as Kigo counts them.
             */
            unviewed_products: number;
            /** Format: int64 */
            total_tokens: number;
            account_id: string;
            /**
             * Format: date-time
             * @description When the summary was requested from Kigo.
             */
            as_of: string;
            /** @description Whether this is a stale summary, served while Kigo fails. */
            stale: boolean;
        };
        Issuance: {
            kind: components["schemas"]["IssuanceKind"];
            status: components["schemas"]["IssuanceStatus"];
            /** @description Why it was quarantined; null if it never was. */
            reason: string | null;
            /** @description Null if the format has no name. */
            name: string | null;
            /**
             * Format: int64
             * @description Null if the received quantity is not a number. Such an entry can only be discarded.
             */
            quantity: number | null;
            nonce: string | null;
            origin: string | null;
            id: string;
            /** @description Whether it is a test reward. Balances do not include test rewards. */
            test: boolean;
            transaction_id: string;
            content: string;
            /** @description The user id that callers use. */
            user_id: string;
            /** Format: date-time */
            received_at: string;
        };
        IssuanceHistory: components["schemas"]["Issuance"] & {
            verification: components["schemas"]["Verification"];
            /** @description One for each consumer; none while the row is quarantined. */
            deliveries: components["schemas"]["Delivery"][];
            /** @description All events, oldest first. */
            timeline: components["schemas"]["TimelineEvent"][];
        };
        /** @enum {string} */
        IssuanceKind: "redemption" | "issuance";
        /** @enum {string} */
        IssuanceStatus: "recorded" | "quarantined" | "released" | "discarded";
        Issuances: {
            items: components["schemas"]["Issuance"][];
            /** @description The cursor to continue with, now or later. It is present after the last entry too. */
            next: string;
        };
        KiipApp: {
            /** @description The version of the app. */
            version: string;
        };
        KiipConnection: {
            /** @description The IPv4 or IPv6 address of the device. */
            ip: string;
            type?: string;
            carrier?: string;
        };
        KiipDevice: {
            /** @description The advertising identifier. Opaque: it need not be a UUID. */
            id: string;
            lang: string;
            locale: string;
            manufacturer: string;
            model: string;
            /** @description The operating system, with its version. */
            os: string;
            /** @description Width and height in pixels. */
            resolution: string;
            /** @description The screen density, as a number or a string. */
            density?: number | string;
        };
        KiipLocation: {
            /** Format: double */
            lat: number;
            /** Format: double */
            lng: number;
        };
        KiipMomentRef: {
            /** @description The id of the moment in Kiip's dashboard. Opaque: it need not be a UUID. */
            id: string;
        };
        KiipMomentRequest: {
            device: components["schemas"]["KiipDevice"];
            moment: components["schemas"]["KiipMomentRef"];
            app: components["schemas"]["KiipApp"];
            connection: components["schemas"]["KiipConnection"];
            location?: components["schemas"]["KiipLocation"];
            user?: components["schemas"]["KiipUser"];
            /** @description `false` hides the button that closes a reward. */
            close_button?: boolean;
            /**
             * Format: email
             * @description The e-mail address that the reward page shows in its form.
             */
            email_address?: string;
        };
        KiipSessionDevice: components["schemas"]["KiipDevice"] & {
            /** @description The user agent of the device's browser. */
            user_agent?: string;
        };
        KiipSessionEvent: {
            id: components["schemas"]["KiipSessionEventKind"];
            /**
             * Format: date-time
             * @description The start of the session. A time without a zone is UTC.
             */
            start: string;
            /**
             * Format: date-time
             * @description The end of the session, if it has ended. A time without a zone is UTC.
             */
            end?: string;
        };
        /** @enum {string} */
        KiipSessionEventKind: "session_start" | "session_end";
        KiipSessionRequest: {
            device: components["schemas"]["KiipSessionDevice"];
            events: components["schemas"]["KiipSessionEvent"][];
            app: components["schemas"]["KiipApp"];
            connection: components["schemas"]["KiipConnection"];
            location?: components["schemas"]["KiipLocation"];
            user?: components["schemas"]["KiipUser"];
            /** @description `false` hides the button that closes a reward. */
            close_button?: boolean;
            /**
             * Format: email
             * @description The e-mail address that the reward page shows in its form.
             */
            email_address?: string;
        };
        KiipUser: {
            /** @description The age in years. */
            age?: number;
            gender?: components["schemas"]["Gender"];
            /**
             * @description The caller's own id of the user. Kiip sends it in callbacks, so no virtual currency can be issued without it. The gateway
             *     stores it before it sends the call.
             */
            userid?: string;
        };
        /** @enum {string} */
        ListOrder: "asc" | "desc";
        MetricsHistory: {
            /** @description The name of the host or pod. */
            replica: string;
            /** Format: int32 */
            step_seconds: number;
            /**
             * Format: date-time
             * @description The end of the last step.
             */
            to: string;
            series: components["schemas"]["MetricsSeries"];
        };
        MetricsSeries: {
            /** @description Accepted in a second. */
            callbacks: (number | null)[];
            callbacks_rejected: (number | null)[];
            /** @description Successful attempts in a second; null with `ROLE=api`. */
            deliveries: (number | null)[];
            deliveries_failed: (number | null)[];
            /** @description Lookups of hub summaries in a second. */
            counts: (number | null)[];
            /** @description Those answered from the cache. */
            counts_cached: (number | null)[];
            /** @description Mean duration of an attempt. */
            kigo_ms: (number | null)[];
            kiip_ms: (number | null)[];
            /** @description Pending deliveries of all replicas, if they have been counted. */
            backlog: (number | null)[];
        };
        /** @description The result of a moment. */
        Moment: components["schemas"]["RewardedMoment"] | components["schemas"]["UnrewardedMoment"];
        Pause: {
            /** @description `gone`: it responded 410; this pause also ends when its URL changes, or with a retry or replay. `manual`: a caller paused it. */
            cause: components["schemas"]["PauseCause"];
            /** @description Who paused it; null after a 410, and where callers are not authenticated. */
            caller: string | null;
            /** @description The `X-Request-Id` of that request. */
            request_id: string | null;
            /** @description Null if none was given. */
            reason: string | null;
            /** Format: date-time */
            since: string;
        };
        /**
         * @description `gone`: it responded 410; this pause also ends when its URL changes, or with a retry or replay. `manual`: a caller paused it.
         * @enum {string}
         */
        PauseCause: "gone" | "manual";
        Problem: {
            /** @description `urn:rewards-gateway:problem:<name>`, or `about:blank` for a status without a name. */
            type: components["schemas"]["ProblemType"];
            status: number;
            /** @description The upstream that failed. */
            upstream?: components["schemas"]["Upstream"];
            /** @description The result of each check, for a health check. */
            checks?: {
                [key: string]: unknown;
            };
            /**
             * Format: int32
             * @description The seconds of `Retry-After`.
             */
            retry_after_seconds?: number;
            title: string;
            detail: string;
            /** @description The request id, also in `X-Request-Id`. */
            instance: string;
            /** @description Every violation in the request. */
            errors?: components["schemas"]["Violation"][];
            /** @description Whether the same request may succeed later. */
            retryable?: boolean;
        };
        /**
         * @description `urn:rewards-gateway:problem:<name>`, or `about:blank` for a status without a name.
         * @enum {string}
         */
        ProblemType: "urn:rewards-gateway:problem:validation" | "urn:rewards-gateway:problem:unauthenticated" | "urn:rewards-gateway:problem:callback-signature" | "urn:rewards-gateway:problem:account-not-found" | "urn:rewards-gateway:problem:not-found" | "urn:rewards-gateway:problem:method-not-allowed" | "urn:rewards-gateway:problem:conflict" | "urn:rewards-gateway:problem:outcome-unknown" | "urn:rewards-gateway:problem:feed-restarted" | "urn:rewards-gateway:problem:idempotency-key-reused" | "urn:rewards-gateway:problem:rate-limited" | "urn:rewards-gateway:problem:upstream-failed" | "urn:rewards-gateway:problem:upstream-busy" | "urn:rewards-gateway:problem:upstream-timeout" | "urn:rewards-gateway:problem:storage-unavailable" | "about:blank";
        Reading: {
            name: string | null;
            nonce: string | null;
            /** @description Empty: a part of `nonce`. */
            origin: string | null;
            formula: string;
            content: string;
            quantity: string;
            user_id: string;
            /** @description Whether this user was sent to Kiip. */
            user_known: boolean;
            transaction_id: string;
        };
        Reconciliation: {
            /** @description Those without a callback: not redeemed, or the callback was lost. At most 1,000, oldest first. */
            rewards_without_callback: components["schemas"]["UnmatchedReward"][];
            /** Format: date-time */
            from: string;
            /** Format: date-time */
            to: string;
            /**
             * Format: int64
             * @description Callbacks that were answered 200, without duplicates.
             */
            accepted: number;
            /**
             * Format: int64
             * @description Delivered to every consumer that was configured when the row was accepted, and to those of replays.
             */
            delivered: number;
            /**
             * Format: int64
             * @description Waiting for at least one consumer, or for the first consumer to be configured.
             */
            pending: number;
            /**
             * Format: int64
             * @description Not accepted by at least one consumer within three days.
             */
            dead: number;
            /** Format: int64 */
            quarantined: number;
            /** Format: int64 */
            discarded: number;
            /**
             * Format: int64
             * @description In none of these states: lost. Must be 0.
             */
            missing: number;
        };
        Replay: {
            /** @description `paused` and `cancelled`: a caller did so. While the consumer is paused, its replays are still `running`, and wait. */
            status: components["schemas"]["ReplayStatus"];
            /** @description The caller who asked for it; null for a replay of an earlier version. */
            requested_by: string | null;
            /** @description The `X-Request-Id` of that request. */
            request_id: string | null;
            /**
             * Format: date-time
             * @description When all rows had become due, or the replay was cancelled.
             */
            finished_at: string | null;
            id: string;
            consumer: string;
            /** Format: date-time */
            from: string;
            /** Format: date-time */
            to: string;
            /** Format: int64 */
            count: number;
            /**
             * Format: int64
             * @description Rows that have become due so far. They are sent even if the replay is cancelled.
             */
            done: number;
            /** Format: date-time */
            created_at: string;
        };
        ReplayPreview: {
            id: null;
            /**
             * Format: int64
             * @description Rows in the window.
             */
            count: number;
        };
        ReplayRequest: {
            /** @description No personal data: it is kept for as long as the ledger. */
            reason?: string;
            /** @description A name in DELIVERY_CONSUMERS. */
            consumer: string;
            /**
             * Format: date-time
             * @description Callbacks that entered the ledger at this time or later.
             */
            from: string;
            /**
             * Format: date-time
             * @description And before this time. Entries after the request are never included.
             */
            to: string;
            /** @description Only count the entries. Default: false. */
            dry_run?: boolean;
            /** @description Rows that become due per second. Default: 100. */
            rate_per_second?: number;
        };
        ReplayStarted: {
            id: string;
            /**
             * Format: int64
             * @description Rows in the window.
             */
            count: number;
        };
        /**
         * @description `paused` and `cancelled`: a caller did so. While the consumer is paused, its replays are still `running`, and wait.
         * @enum {string}
         */
        ReplayStatus: "running" | "paused" | "finished" | "cancelled";
        Replays: {
            /** @description The cursor for the next page, of earlier replays; null after the first replay of all. */
            next: string | null;
            /** @description Newest first. */
            items: components["schemas"]["Replay"][];
        };
        Reward: {
            /** Format: double */
            timeout_seconds: number | null;
            /** @description Starts with `test_` in test mode. */
            id: string | null;
            name: string | null;
            image_url: string | null;
            title: string | null;
            message: string | null;
            /** @description The URL of the page to show, unchanged from Kiip. It is https, on a host that the gateway allows. */
            display_url: string;
            email_bounced: boolean | null;
            /** Format: date-time */
            used_date: string | null;
        };
        RewardPromise: {
            user_id: string | null;
            reward_id: string | null;
            moment_id: string | null;
            quantity: string | null;
            /** Format: date-time */
            promised_at: string;
        };
        RewardedMoment: {
            /** @enum {boolean} */
            rewarded: true;
            /**
             * Format: date-time
             * @description The time of Kiip's response, in UTC, with the precision of Kiip. `null` if Kiip sent none.
             */
            date: string | null;
            reward: components["schemas"]["Reward"];
        };
        /** @enum {string} */
        Scope: "kigo:read" | "kiip:write" | "ledger:read" | "ledger:decide" | "deliveries:manage";
        Session: {
            /**
             * Format: date-time
             * @description The start of the session by Kiip's clock, in UTC, with the precision of Kiip.
             */
            date: string;
        };
        SpooledCallback: {
            /**
             * @description discriminator enum property added by openapi-typescript
             * @enum {string}
             */
            status: "spooled";
        };
        StoredCallback: {
            /**
             * @description `recorded`: it is new. `duplicate`: it was received before, and `id` is the first one's. `quarantined`: the signature is valid, but the content is doubtful; it waits until somebody releases or discards it. (enum property replaced by openapi-typescript)
             * @enum {string}
             */
            status: "recorded" | "duplicate" | "quarantined";
            id: string;
        };
        /**
         * @description `recorded`: it is new. `duplicate`: it was received before, and `id` is the first one's. `quarantined`: the signature is valid, but the content is doubtful; it waits until somebody releases or discards it.
         * @enum {string}
         */
        StoredCallbackStatus: "duplicate" | "recorded" | "quarantined";
        TestEvent: {
            /** @enum {string} */
            type: "gateway.test";
            /** @description Empty. */
            data: Record<string, never>;
            /** Format: date-time */
            timestamp: string;
        };
        TestResult: {
            /**
             * Format: int32
             * @description The HTTP status of the consumer; null if there was no response.
             */
            status: number | null;
            /** @description The `webhook-id` of the event. */
            id: string;
            /** @description Whether the consumer accepted it, with any 2xx. */
            accepted: boolean;
            /** @description The result in words, such as why there was no response. */
            outcome: string;
            /** Format: int32 */
            duration_ms: number;
        };
        TimelineEvent: {
            event: components["schemas"]["TimelineEventKind"];
            /** @description The consumer of a delivery. */
            consumer?: string;
            /**
             * Format: int32
             * @description The HTTP status of the consumer; null if there was no response.
             */
            status?: number | null;
            /** Format: int32 */
            duration_ms?: number;
            /** @description Who released or discarded the row, or retried a delivery. */
            caller?: string;
            /** @description The `X-Request-Id` of that request. */
            request_id?: string;
            /** @description Why, if that was given. */
            reason?: string;
            /** @description The moment, the reward, the scheme of the signature, the reason for the quarantine, or the outcome of the attempt. */
            detail?: string;
            /** Format: date-time */
            at: string;
        };
        /** @enum {string} */
        TimelineEventKind: "rewarded" | "promised" | "received" | "verified" | "committed" | "quarantined" | "released" | "discarded" | "retried" | "attempted" | "delivered" | "dead";
        UnmatchedReward: {
            reward_id: string;
            moment_id: string;
            user_id: string;
            /** @description As received from Kiip. */
            virtual_value: string;
            /** Format: date-time */
            rewarded_at: string;
        };
        UnrewardedMoment: {
            /** @enum {boolean} */
            rewarded: false;
            reward: null;
            /**
             * Format: date-time
             * @description The time of Kiip's response, in UTC, with the precision of Kiip. `null` if Kiip sent none.
             */
            date: string | null;
        };
        UnviewedCount: {
            /**
             * Format: int64
             * @description How many tokens the user has not yet viewed: Kigo's `unviewed_products`.
             */
            count: number;
        };
        /** @description A count, or a problem instead. */
        UnviewedCountResult: components["schemas"]["UserCount"] | components["schemas"]["UserCountProblem"];
        UnviewedCounts: {
            /** @description In the order of the request. */
            results: components["schemas"]["UnviewedCountResult"][];
        };
        UnviewedCountsRequest: {
            users: components["schemas"]["ExternalUser"][];
        };
        /**
         * @description The upstream that failed.
         * @enum {string}
         */
        Upstream: "kigo" | "kiip";
        UserCount: {
            /** Format: int64 */
            count: number;
            external_user_id: string;
            external_program_id: string;
        };
        UserCountProblem: {
            problem: components["schemas"]["Problem"];
            external_user_id: string;
            external_program_id: string;
        };
        UserReward: components["schemas"]["UnmatchedReward"] & {
            /** @description The ledger row of its callback; null if none has arrived. */
            issuance_id: string | null;
        };
        UserRewards: {
            /** @description Newest first, at most 100. */
            items: components["schemas"]["UserReward"][];
        };
        Verification: {
            /**
             * Format: date-time
             * @description When the quarantine ended.
             */
            decided_at: string | null;
            /** @description The caller who released or discarded the row; null if nobody did. */
            decided_by: string | null;
            /** @description The `X-Request-Id` of the request that did. */
            decision_request_id: string | null;
            /** @description Null if the gateway knows none. It may be for another user. */
            promise: components["schemas"]["RewardPromise"] | null;
            /** @description What else the signed text of a quarantined row could mean, known users first, at most 50. */
            readings: components["schemas"]["Reading"][];
            /** @description The signature scheme. */
            formula: string;
            /** @description The secret that signed the callback, by its position in KIIP_APP_SECRETS at the time. */
            secret: string;
            /** @description The quantity as received. */
            quantity_text: string;
            /**
             * Format: int64
             * @description How often the same callback has been received again.
             */
            duplicates: number;
            /** @description False if there may be more readings. */
            readings_complete: boolean;
        };
        Violation: {
            /** @description A JSON pointer (RFC 6901) into the body, or into the parameters of the URL. */
            pointer: string;
            detail: string;
        };
    };
    responses: {
        /** @description Account not found */
        AccountNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:account-not-found",
                 *       "title": "Account not found",
                 *       "status": 404,
                 *       "detail": "Kigo has no account for these ids.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The callback is committed, or was before, or is in the spool: Kiip need not send it again */
        CallbackResult: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["CallbackResult"];
            };
        };
        /** @description Invalid callback signature */
        CallbackSignature: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:callback-signature",
                 *       "title": "Invalid callback signature",
                 *       "status": 401,
                 *       "detail": "No configured secret matches this signature.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Conflict */
        Conflict: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:conflict",
                 *       "title": "Conflict",
                 *       "status": 409,
                 *       "detail": "The entry is no longer quarantined.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not found */
        ConsumerNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:not-found",
                 *       "title": "Not found",
                 *       "status": 404,
                 *       "detail": "DELIVERY_CONSUMERS has no consumer of this name.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not found */
        DeliveryNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:not-found",
                 *       "title": "Not found",
                 *       "status": 404,
                 *       "detail": "Delivery not found.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not found */
        EntryNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:not-found",
                 *       "title": "Not found",
                 *       "status": 404,
                 *       "detail": "The ledger has no such entry.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Feed restarted */
        FeedRestarted: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:feed-restarted",
                 *       "title": "Feed restarted",
                 *       "status": 410,
                 *       "detail": "The database was restored to a time before this cursor. Continue from an older cursor, or without `after`.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Idempotency key reused with a different body */
        IdempotencyKeyReused: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:idempotency-key-reused",
                 *       "title": "Idempotency key reused with a different body",
                 *       "status": 422,
                 *       "detail": "This Idempotency-Key was used with a different body.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Internal Server Error */
        InternalServerError: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "about:blank",
                 *       "title": "Internal Server Error",
                 *       "status": 500,
                 *       "detail": "Internal error. Quote this request ID to the operator.",
                 *       "instance": "checkout-4711"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Invalid request */
        InvalidCallback: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:validation",
                 *       "title": "Invalid request",
                 *       "status": 400,
                 *       "detail": "user_id is given twice.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Invalid request */
        InvalidDeviceId: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:validation",
                 *       "title": "Invalid request",
                 *       "status": 400,
                 *       "detail": "id is required.",
                 *       "instance": "checkout-4711",
                 *       "errors": [
                 *         {
                 *           "pointer": "/device/id",
                 *           "detail": "id is required"
                 *         }
                 *       ],
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Invalid request */
        InvalidId: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:validation",
                 *       "title": "Invalid request",
                 *       "status": 400,
                 *       "detail": "id must have at most 256 characters.",
                 *       "instance": "checkout-4711",
                 *       "errors": [
                 *         {
                 *           "pointer": "/id",
                 *           "detail": "id must have at most 256 characters"
                 *         }
                 *       ],
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Invalid request */
        InvalidLimit: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:validation",
                 *       "title": "Invalid request",
                 *       "status": 400,
                 *       "detail": "limit must not be greater than 500.",
                 *       "instance": "checkout-4711",
                 *       "errors": [
                 *         {
                 *           "pointer": "/limit",
                 *           "detail": "limit must not be greater than 500"
                 *         }
                 *       ],
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Invalid request */
        InvalidName: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:validation",
                 *       "title": "Invalid request",
                 *       "status": 400,
                 *       "detail": "name must have at most 256 characters.",
                 *       "instance": "checkout-4711",
                 *       "errors": [
                 *         {
                 *           "pointer": "/name",
                 *           "detail": "name must have at most 256 characters"
                 *         }
                 *       ],
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Invalid request */
        InvalidReplayId: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:validation",
                 *       "title": "Invalid request",
                 *       "status": 400,
                 *       "detail": "id must be the id of a replay.",
                 *       "instance": "checkout-4711",
                 *       "errors": [
                 *         {
                 *           "pointer": "/id",
                 *           "detail": "id must be the id of a replay"
                 *         }
                 *       ],
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Invalid request */
        InvalidUserId: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:validation",
                 *       "title": "Invalid request",
                 *       "status": 400,
                 *       "detail": "user_id must have at most 256 characters.",
                 *       "instance": "checkout-4711",
                 *       "errors": [
                 *         {
                 *           "pointer": "/user_id",
                 *           "detail": "user_id must have at most 256 characters"
                 *         }
                 *       ],
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Upstream unavailable; Storage unavailable */
        KiipBusyOrStorageUnavailable: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                "Retry-After": components["headers"]["Retry-After"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Upstream error */
        KiipFailed: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:upstream-failed",
                 *       "title": "Upstream error",
                 *       "status": 502,
                 *       "detail": "The upstream cannot be reached, failed, or sent an invalid response. (kiip moment)",
                 *       "instance": "checkout-4711",
                 *       "upstream": "kiip",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Upstream timeout */
        KiipTimeout: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:upstream-timeout",
                 *       "title": "Upstream timeout",
                 *       "status": 504,
                 *       "detail": "The upstream did not respond in time. See retryable. (kiip moment)",
                 *       "instance": "checkout-4711",
                 *       "upstream": "kiip",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Forbidden */
        MissingDeliveriesManage: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "about:blank",
                 *       "title": "Forbidden",
                 *       "status": 403,
                 *       "detail": "This caller lacks the scope deliveries:manage.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Forbidden */
        MissingKigoRead: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "about:blank",
                 *       "title": "Forbidden",
                 *       "status": 403,
                 *       "detail": "This caller lacks the scope kigo:read.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Forbidden */
        MissingKiipWrite: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "about:blank",
                 *       "title": "Forbidden",
                 *       "status": 403,
                 *       "detail": "This caller lacks the scope kiip:write.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Forbidden */
        MissingLedgerDecide: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "about:blank",
                 *       "title": "Forbidden",
                 *       "status": 403,
                 *       "detail": "This caller lacks the scope ledger:decide.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Forbidden */
        MissingLedgerRead: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "about:blank",
                 *       "title": "Forbidden",
                 *       "status": 403,
                 *       "detail": "This caller lacks the scope ledger:read.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Invalid request */
        MissingUserId: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:validation",
                 *       "title": "Invalid request",
                 *       "status": 400,
                 *       "detail": "external_user_id is required.",
                 *       "instance": "checkout-4711",
                 *       "errors": [
                 *         {
                 *           "pointer": "/users/0/external_user_id",
                 *           "detail": "external_user_id is required"
                 *         }
                 *       ],
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Conflict; Outcome of the original request unknown */
        OriginalInFlightOrOutcomeUnknown: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Payload Too Large */
        PayloadTooLarge: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "about:blank",
                 *       "title": "Payload Too Large",
                 *       "status": 413,
                 *       "detail": "The body is larger than this route accepts.",
                 *       "instance": "checkout-4711"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Too many requests */
        RateLimited: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                /** @description The remaining requests and the seconds until the reset (draft-ietf-httpapi-ratelimit-headers) */
                RateLimit?: string;
                /** @description The limit of requests and its window in seconds */
                "RateLimit-Policy"?: string;
                "Retry-After": components["headers"]["Retry-After"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:rate-limited",
                 *       "title": "Too many requests",
                 *       "status": 429,
                 *       "detail": "Rate limit exceeded. Try again after Retry-After.",
                 *       "instance": "checkout-4711",
                 *       "retryable": true,
                 *       "retry_after_seconds": 42
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The replay */
        Replay: {
            headers: {
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "id": "6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1",
                 *       "consumer": "wallet",
                 *       "status": "running",
                 *       "from": "2026-01-31T00:00:00.000Z",
                 *       "to": "2026-02-01T00:00:00.000Z",
                 *       "count": 1200,
                 *       "done": 400,
                 *       "created_at": "2026-02-02T08:00:00.000Z",
                 *       "requested_by": "operations",
                 *       "request_id": "0190c1d2-e3f4-7000-8000-112233445566",
                 *       "finished_at": null
                 *     }
                 */
                "application/json": components["schemas"]["Replay"];
            };
        };
        /** @description Conflict */
        ReplayEnded: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:conflict",
                 *       "title": "Conflict",
                 *       "status": 409,
                 *       "detail": "The replay has finished or was cancelled.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Not found */
        ReplayNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:not-found",
                 *       "title": "Not found",
                 *       "status": 404,
                 *       "detail": "Replay not found.",
                 *       "instance": "checkout-4711",
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Storage unavailable */
        StorageUnavailable: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                "Retry-After": components["headers"]["Retry-After"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:storage-unavailable",
                 *       "title": "Storage unavailable",
                 *       "status": 503,
                 *       "detail": "Nothing was stored. Try again after Retry-After.",
                 *       "instance": "checkout-4711",
                 *       "retryable": true,
                 *       "retry_after_seconds": 1
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Authentication required */
        Unauthenticated: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:unauthenticated",
                 *       "title": "Authentication required",
                 *       "status": 401,
                 *       "detail": "Send an API key as \"Authorization: Bearer <key>\".",
                 *       "instance": "checkout-4711"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Unsupported Media Type */
        UnsupportedMediaType: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "about:blank",
                 *       "title": "Unsupported Media Type",
                 *       "status": 415,
                 *       "detail": "This route does not accept bodies of this media type.",
                 *       "instance": "checkout-4711"
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Upstream unavailable */
        UpstreamBusy: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                "Retry-After": components["headers"]["Retry-After"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:upstream-busy",
                 *       "title": "Upstream unavailable",
                 *       "status": 503,
                 *       "detail": "The upstream is rate limiting or its circuit breaker is open. See Retry-After. (kigo hub-summary)",
                 *       "instance": "checkout-4711",
                 *       "upstream": "kigo",
                 *       "retryable": true,
                 *       "retry_after_seconds": 5
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Upstream error */
        UpstreamFailed: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:upstream-failed",
                 *       "title": "Upstream error",
                 *       "status": 502,
                 *       "detail": "The upstream cannot be reached, failed, or sent an invalid response. (kigo hub-summary)",
                 *       "instance": "checkout-4711",
                 *       "upstream": "kigo",
                 *       "retryable": true
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Upstream timeout */
        UpstreamTimeout: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:upstream-timeout",
                 *       "title": "Upstream timeout",
                 *       "status": 504,
                 *       "detail": "The upstream did not respond in time. See retryable. (kigo hub-summary)",
                 *       "instance": "checkout-4711",
                 *       "upstream": "kigo",
                 *       "retryable": true
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description Invalid request */
        Validation: {
            headers: {
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                /**
                 * @example {
                 *       "type": "urn:rewards-gateway:problem:validation",
                 *       "title": "Invalid request",
                 *       "status": 400,
                 *       "detail": "external_user_id is required.",
                 *       "instance": "checkout-4711",
                 *       "errors": [
                 *         {
                 *           "pointer": "/external_user_id",
                 *           "detail": "external_user_id is required"
                 *         }
                 *       ],
                 *       "retryable": false
                 *     }
                 */
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: {
        /** @description `no-cache` bypasses the cache and asks Kigo. */
        "Cache-Control": string;
        /** @description Valid for 24 hours, for this caller and route. A repeat gets the first response, also a rejection by Kiip, and is not sent to Kiip again. A request that never reached Kiip is not stored. One with an unknown outcome stays `outcome-unknown`. */
        "Idempotency-Key": string;
        /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
        "X-Request-Id": string;
        /** @description The `next` of an earlier response. */
        after: string;
        external_program_id: string;
        external_user_id: string;
        limit: number;
        /** @description `asc` (the default): oldest first. `desc`: newest first; the last page has less than `limit` items. */
        order: components["schemas"]["ListOrder"];
        /** @description The id of the ledger row, the same for every attempt and replay; `test_…` for a test */
        "webhook-id": string;
        /** @description One signature for each active secret, separated by spaces */
        "webhook-signature": string;
        /** @description When this attempt was signed, in seconds since the Unix epoch */
        "webhook-timestamp": string;
    };
    requestBodies: {
        Decision: {
            content: {
                /**
                 * @example {
                 *       "reason": "Confirmed by Kiip, ticket 4711"
                 *     }
                 */
                "application/json": components["schemas"]["Decision"];
            };
        };
        UnviewedCountsRequest: {
            content: {
                /**
                 * @example {
                 *       "users": [
                 *         {
                 *           "external_user_id": "user123",
                 *           "external_program_id": "program456"
                 *         },
                 *         {
                 *           "external_user_id": "nobody",
                 *           "external_program_id": "program456"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["UnviewedCountsRequest"];
            };
        };
    };
    headers: {
        /** @description Seconds since Kigo was asked */
        Age: string;
        /** @description How long the response stays fresh */
        "Cache-Control": string;
        /** @description RFC 9211: `hit`, `fwd=miss`, `fwd=stale`, `fwd=request`, or `hit; detail=stale-if-error` for a stale response while Kigo fails */
        "Cache-Status": string;
        /** @description Seconds to wait */
        "Retry-After": string;
        /** @description How to authenticate (RFC 9110) */
        "WWW-Authenticate": string;
        /** @description The request id, also in `instance` */
        "X-Request-Id": string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getCaller: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description You */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "operations",
                     *       "scopes": [
                     *         "ledger:read"
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Caller"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
        };
    };
    findAccount: {
        parameters: {
            query: {
                external_user_id: components["parameters"]["external_user_id"];
                external_program_id: components["parameters"]["external_program_id"];
            };
            header?: {
                /** @description `no-cache` bypasses the cache and asks Kigo. */
                "Cache-Control"?: components["parameters"]["Cache-Control"];
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The account */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    Age: components["headers"]["Age"];
                    "Cache-Status": components["headers"]["Cache-Status"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "account_id": "acc_ebb985857d0c94bdee6c"
                     *     }
                     */
                    "application/json": components["schemas"]["Account"];
                };
            };
            400: components["responses"]["Validation"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingKigoRead"];
            404: components["responses"]["AccountNotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            502: components["responses"]["UpstreamFailed"];
            503: components["responses"]["UpstreamBusy"];
            504: components["responses"]["UpstreamTimeout"];
        };
    };
    getUnviewedCount: {
        parameters: {
            query: {
                external_user_id: components["parameters"]["external_user_id"];
                external_program_id: components["parameters"]["external_program_id"];
            };
            header?: {
                /** @description `no-cache` bypasses the cache and asks Kigo. */
                "Cache-Control"?: components["parameters"]["Cache-Control"];
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The count */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    Age: components["headers"]["Age"];
                    "Cache-Status": components["headers"]["Cache-Status"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "count": 12
                     *     }
                     */
                    "application/json": components["schemas"]["UnviewedCount"];
                };
            };
            400: components["responses"]["Validation"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingKigoRead"];
            404: components["responses"]["AccountNotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            502: components["responses"]["UpstreamFailed"];
            503: components["responses"]["UpstreamBusy"];
            504: components["responses"]["UpstreamTimeout"];
        };
    };
    batchGetUnviewedCounts: {
        parameters: {
            query?: never;
            header?: {
                /** @description `no-cache` bypasses the cache and asks Kigo. */
                "Cache-Control"?: components["parameters"]["Cache-Control"];
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: components["requestBodies"]["UnviewedCountsRequest"];
        responses: {
            /** @description A count, or a problem, for each user */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    Age: components["headers"]["Age"];
                    "Cache-Status": components["headers"]["Cache-Status"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "results": [
                     *         {
                     *           "external_user_id": "user123",
                     *           "external_program_id": "program456",
                     *           "count": 12
                     *         },
                     *         {
                     *           "external_user_id": "nobody",
                     *           "external_program_id": "program456",
                     *           "problem": {
                     *             "type": "urn:rewards-gateway:problem:account-not-found",
                     *             "title": "Account not found",
                     *             "status": 404,
                     *             "detail": "Kigo has no account for these ids.",
                     *             "instance": "checkout-4711",
                     *             "retryable": false
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["UnviewedCounts"];
                };
            };
            400: components["responses"]["MissingUserId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingKigoRead"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
        };
    };
    refreshUnviewedCounts: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: components["requestBodies"]["UnviewedCountsRequest"];
        responses: {
            /** @description The counts will be refreshed */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "accepted": 2
                     *     }
                     */
                    "application/json": components["schemas"]["CountRefresh"];
                };
            };
            400: components["responses"]["MissingUserId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingKigoRead"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["UpstreamBusy"];
        };
    };
    getHubSummary: {
        parameters: {
            query?: never;
            header?: {
                /** @description `no-cache` bypasses the cache and asks Kigo. */
                "Cache-Control"?: components["parameters"]["Cache-Control"];
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                account_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The summary */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    Age: components["headers"]["Age"];
                    "Cache-Status": components["headers"]["Cache-Status"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "account_id": "acc_ebb985857d0c94bdee6c",
                     *       "unviewed_products": 12,
                     *       "total_tokens": 34,
                     *       "as_of": "2026-01-31T12:00:00.000Z",
                     *       "stale": false
                     *     }
                     */
                    "application/json": components["schemas"]["HubSummary"];
                };
            };
            /** @description Invalid request */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "urn:rewards-gateway:problem:validation",
                     *       "title": "Invalid request",
                     *       "status": 400,
                     *       "detail": "account_id must have at most 256 characters.",
                     *       "instance": "checkout-4711",
                     *       "errors": [
                     *         {
                     *           "pointer": "/account_id",
                     *           "detail": "account_id must have at most 256 characters"
                     *         }
                     *       ],
                     *       "retryable": false
                     *     }
                     */
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingKigoRead"];
            404: components["responses"]["AccountNotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            502: components["responses"]["UpstreamFailed"];
            503: components["responses"]["UpstreamBusy"];
            504: components["responses"]["UpstreamTimeout"];
        };
    };
    postKiipSession: {
        parameters: {
            query?: never;
            header?: {
                /** @description Valid for 24 hours, for this caller and route. A repeat gets the first response, also a rejection by Kiip, and is not sent to Kiip again. A request that never reached Kiip is not stored. One with an unknown outcome stays `outcome-unknown`. */
                "Idempotency-Key"?: components["parameters"]["Idempotency-Key"];
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "app": {
                 *         "version": "1.0"
                 *       },
                 *       "connection": {
                 *         "ip": "203.0.113.7"
                 *       },
                 *       "device": {
                 *         "id": "demo-device",
                 *         "lang": "en",
                 *         "locale": "en_US",
                 *         "manufacturer": "Google",
                 *         "model": "Pixel 9",
                 *         "os": "Android 16",
                 *         "resolution": "1080x2424"
                 *       },
                 *       "user": {
                 *         "userid": "user-123"
                 *       },
                 *       "events": [
                 *         {
                 *           "id": "session_start",
                 *           "start": "2026-01-01T00:00:00.000Z"
                 *         }
                 *       ]
                 *     }
                 */
                "application/json": components["schemas"]["KiipSessionRequest"];
            };
        };
        responses: {
            /** @description Kiip has accepted the session */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "date": "2015-01-28T01:32:24.697136Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Session"];
                };
            };
            400: components["responses"]["InvalidDeviceId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingKiipWrite"];
            409: components["responses"]["OriginalInFlightOrOutcomeUnknown"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReused"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            502: components["responses"]["KiipFailed"];
            503: components["responses"]["KiipBusyOrStorageUnavailable"];
            504: components["responses"]["KiipTimeout"];
        };
    };
    postKiipMoment: {
        parameters: {
            query?: never;
            header?: {
                /** @description Valid for 24 hours, for this caller and route. A repeat gets the first response, also a rejection by Kiip, and is not sent to Kiip again. A request that never reached Kiip is not stored. One with an unknown outcome stays `outcome-unknown`. */
                "Idempotency-Key"?: components["parameters"]["Idempotency-Key"];
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "app": {
                 *         "version": "1.0"
                 *       },
                 *       "connection": {
                 *         "ip": "203.0.113.7"
                 *       },
                 *       "device": {
                 *         "id": "demo-device",
                 *         "lang": "en",
                 *         "locale": "en_US",
                 *         "manufacturer": "Google",
                 *         "model": "Pixel 9",
                 *         "os": "Android 16",
                 *         "resolution": "1080x2424"
                 *       },
                 *       "user": {
                 *         "userid": "user-123"
                 *       },
                 *       "moment": {
                 *         "id": "level-1-done"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["KiipMomentRequest"];
            };
        };
        responses: {
            /** @description The moment, with its reward if there is one */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Moment"];
                };
            };
            400: components["responses"]["InvalidDeviceId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingKiipWrite"];
            409: components["responses"]["OriginalInFlightOrOutcomeUnknown"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["IdempotencyKeyReused"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            502: components["responses"]["KiipFailed"];
            503: components["responses"]["KiipBusyOrStorageUnavailable"];
            504: components["responses"]["KiipTimeout"];
        };
    };
    listConsumers: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All consumers */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "name": "wallet",
                     *           "origin": "https://wallet.example",
                     *           "paused": {
                     *             "since": "2026-01-31T12:00:00.000Z",
                     *             "cause": "manual",
                     *             "caller": "operations",
                     *             "request_id": "0190c1d2-e3f4-7000-8000-112233445566",
                     *             "reason": "It counts twice, ticket 4712"
                     *           },
                     *           "breaker": "closed",
                     *           "pending": 3,
                     *           "dead": 0
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Consumers"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    pauseConsumer: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Decision"];
        responses: {
            /** @description The consumer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "wallet",
                     *       "origin": "https://wallet.example",
                     *       "paused": {
                     *         "since": "2026-01-31T12:00:00.000Z",
                     *         "cause": "manual",
                     *         "caller": "operations",
                     *         "request_id": "0190c1d2-e3f4-7000-8000-112233445566",
                     *         "reason": "It counts twice, ticket 4712"
                     *       },
                     *       "breaker": "closed",
                     *       "pending": 3,
                     *       "dead": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Consumer"];
                };
            };
            400: components["responses"]["InvalidName"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            404: components["responses"]["ConsumerNotFound"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    resumeConsumer: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Decision"];
        responses: {
            /** @description The consumer */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "name": "wallet",
                     *       "origin": "https://wallet.example",
                     *       "paused": null,
                     *       "breaker": "closed",
                     *       "pending": 3,
                     *       "dead": 0
                     *     }
                     */
                    "application/json": components["schemas"]["Consumer"];
                };
            };
            400: components["responses"]["InvalidName"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            404: components["responses"]["ConsumerNotFound"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    testConsumer: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the consumer answered */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "test_6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1",
                     *       "accepted": true,
                     *       "status": 204,
                     *       "outcome": "accepted",
                     *       "duration_ms": 12
                     *     }
                     */
                    "application/json": components["schemas"]["TestResult"];
                };
            };
            400: components["responses"]["InvalidName"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            404: components["responses"]["ConsumerNotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    listDeliveries: {
        parameters: {
            query?: {
                limit?: components["parameters"]["limit"];
                /** @description `asc` (the default): oldest first. `desc`: newest first; the last page has less than `limit` items. */
                order?: components["parameters"]["order"];
                /** @description Only deliveries to this consumer. */
                consumer?: string;
                /** @description Only deliveries with this status. */
                status?: components["schemas"]["DeliveryStatus"];
                /** @description Only deliveries of this ledger row. */
                issuance_id?: string;
                /** @description The `next` of an earlier response. */
                after?: components["parameters"]["after"];
            };
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of deliveries */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "dlv_17",
                     *           "issuance_id": "iss_0190c1d2e3f4000000112233445566aa",
                     *           "consumer": "wallet",
                     *           "status": "dead",
                     *           "attempts": 18,
                     *           "last_status": 503,
                     *           "next_attempt_at": null
                     *         }
                     *       ],
                     *       "next": "dlv_17-334455aa"
                     *     }
                     */
                    "application/json": components["schemas"]["Deliveries"];
                };
            };
            400: components["responses"]["InvalidLimit"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            410: components["responses"]["FeedRestarted"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    getDelivery: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The delivery */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "dlv_17",
                     *       "issuance_id": "iss_0190c1d2e3f4000000112233445566aa",
                     *       "consumer": "wallet",
                     *       "status": "dead",
                     *       "attempts": 18,
                     *       "last_status": 503,
                     *       "next_attempt_at": null,
                     *       "accepted_at": "2026-01-31T12:00:00.000Z",
                     *       "ended_at": "2026-02-03T12:00:00.531Z",
                     *       "attempt_log": [
                     *         {
                     *           "at": "2026-02-03T12:00:00.519Z",
                     *           "status": 503,
                     *           "outcome": "rejected",
                     *           "duration_ms": 12
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["DeliveryHistory"];
                };
            };
            400: components["responses"]["InvalidId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            404: components["responses"]["DeliveryNotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    retryDelivery: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Decision"];
        responses: {
            /** @description The delivery is due */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "dlv_17",
                     *       "issuance_id": "iss_0190c1d2e3f4000000112233445566aa",
                     *       "consumer": "wallet",
                     *       "status": "pending",
                     *       "attempts": 18,
                     *       "last_status": 503,
                     *       "next_attempt_at": "2026-02-03T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Delivery"];
                };
            };
            400: components["responses"]["InvalidId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            404: components["responses"]["DeliveryNotFound"];
            /** @description Conflict */
            409: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "urn:rewards-gateway:problem:conflict",
                     *       "title": "Conflict",
                     *       "status": 409,
                     *       "detail": "The consumer of this delivery is no longer in DELIVERY_CONSUMERS.",
                     *       "instance": "checkout-4711",
                     *       "retryable": false
                     *     }
                     */
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    listReplays: {
        parameters: {
            query?: {
                limit?: components["parameters"]["limit"];
                /** @description The `next` of an earlier response. */
                after?: components["parameters"]["after"];
            };
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of replays */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1",
                     *           "consumer": "wallet",
                     *           "status": "running",
                     *           "from": "2026-01-31T00:00:00.000Z",
                     *           "to": "2026-02-01T00:00:00.000Z",
                     *           "count": 1200,
                     *           "done": 400,
                     *           "created_at": "2026-02-02T08:00:00.000Z",
                     *           "requested_by": "operations",
                     *           "request_id": "0190c1d2-e3f4-7000-8000-112233445566",
                     *           "finished_at": null
                     *         }
                     *       ],
                     *       "next": null
                     *     }
                     */
                    "application/json": components["schemas"]["Replays"];
                };
            };
            400: components["responses"]["InvalidLimit"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    createReplay: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ReplayRequest"];
            };
        };
        responses: {
            /** @description A dry run: nothing is sent */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": null,
                     *       "count": 1200
                     *     }
                     */
                    "application/json": components["schemas"]["ReplayPreview"];
                };
            };
            /** @description The replay has started */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1",
                     *       "count": 1200
                     *     }
                     */
                    "application/json": components["schemas"]["ReplayStarted"];
                };
            };
            /** @description Invalid request */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "urn:rewards-gateway:problem:validation",
                     *       "title": "Invalid request",
                     *       "status": 400,
                     *       "detail": "consumer must be one of DELIVERY_CONSUMERS.",
                     *       "instance": "checkout-4711",
                     *       "errors": [
                     *         {
                     *           "pointer": "/consumer",
                     *           "detail": "consumer must be one of DELIVERY_CONSUMERS"
                     *         }
                     *       ],
                     *       "retryable": false
                     *     }
                     */
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    getReplay: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            200: components["responses"]["Replay"];
            400: components["responses"]["InvalidReplayId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            404: components["responses"]["ReplayNotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    pauseReplay: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Decision"];
        responses: {
            /** @description The replay */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1",
                     *       "consumer": "wallet",
                     *       "status": "paused",
                     *       "from": "2026-01-31T00:00:00.000Z",
                     *       "to": "2026-02-01T00:00:00.000Z",
                     *       "count": 1200,
                     *       "done": 400,
                     *       "created_at": "2026-02-02T08:00:00.000Z",
                     *       "requested_by": "operations",
                     *       "request_id": "0190c1d2-e3f4-7000-8000-112233445566",
                     *       "finished_at": null
                     *     }
                     */
                    "application/json": components["schemas"]["Replay"];
                };
            };
            400: components["responses"]["InvalidReplayId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            404: components["responses"]["ReplayNotFound"];
            409: components["responses"]["ReplayEnded"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    resumeReplay: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Decision"];
        responses: {
            200: components["responses"]["Replay"];
            400: components["responses"]["InvalidReplayId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            404: components["responses"]["ReplayNotFound"];
            409: components["responses"]["ReplayEnded"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    cancelReplay: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Decision"];
        responses: {
            /** @description The replay */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "6d0f0e0b-4f0e-4a39-9d0f-5a86a2c1f6a1",
                     *       "consumer": "wallet",
                     *       "status": "cancelled",
                     *       "from": "2026-01-31T00:00:00.000Z",
                     *       "to": "2026-02-01T00:00:00.000Z",
                     *       "count": 1200,
                     *       "done": 400,
                     *       "created_at": "2026-02-02T08:00:00.000Z",
                     *       "requested_by": "operations",
                     *       "request_id": "0190c1d2-e3f4-7000-8000-112233445566",
                     *       "finished_at": "2026-02-02T08:05:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Replay"];
                };
            };
            400: components["responses"]["InvalidReplayId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingDeliveriesManage"];
            404: components["responses"]["ReplayNotFound"];
            409: components["responses"]["ReplayEnded"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    getIssuance: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The row */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "iss_0190c1d2e3f4000000112233445566aa",
                     *       "kind": "redemption",
                     *       "status": "recorded",
                     *       "reason": null,
                     *       "test": false,
                     *       "transaction_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                     *       "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                     *       "name": "Coins",
                     *       "quantity": 20,
                     *       "user_id": "user-123",
                     *       "nonce": null,
                     *       "origin": null,
                     *       "received_at": "2026-01-31T12:00:00.000Z",
                     *       "verification": {
                     *         "formula": "redemption",
                     *         "secret": "secret-1",
                     *         "quantity_text": "20",
                     *         "decided_at": null,
                     *         "decided_by": null,
                     *         "decision_request_id": null,
                     *         "duplicates": 0,
                     *         "promise": {
                     *           "user_id": "user-123",
                     *           "reward_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                     *           "moment_id": "CgkIraKVsdIBEAIQEA",
                     *           "quantity": "20",
                     *           "promised_at": "2026-01-31T11:59:30.000Z"
                     *         },
                     *         "readings": [],
                     *         "readings_complete": true
                     *       },
                     *       "deliveries": [
                     *         {
                     *           "id": "dlv_17",
                     *           "issuance_id": "iss_0190c1d2e3f4000000112233445566aa",
                     *           "consumer": "wallet",
                     *           "status": "delivered",
                     *           "attempts": 1,
                     *           "last_status": 200,
                     *           "next_attempt_at": null
                     *         }
                     *       ],
                     *       "timeline": [
                     *         {
                     *           "at": "2026-01-31T12:00:00.000Z",
                     *           "event": "received"
                     *         },
                     *         {
                     *           "at": "2026-01-31T12:00:00.000Z",
                     *           "event": "verified",
                     *           "detail": "redemption"
                     *         },
                     *         {
                     *           "at": "2026-01-31T12:00:00.004Z",
                     *           "event": "committed"
                     *         },
                     *         {
                     *           "at": "2026-01-31T12:00:00.019Z",
                     *           "event": "attempted",
                     *           "consumer": "wallet",
                     *           "status": 200,
                     *           "duration_ms": 12,
                     *           "detail": "accepted"
                     *         },
                     *         {
                     *           "at": "2026-01-31T12:00:00.031Z",
                     *           "event": "delivered",
                     *           "consumer": "wallet"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["IssuanceHistory"];
                };
            };
            400: components["responses"]["InvalidId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingLedgerRead"];
            404: components["responses"]["EntryNotFound"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    getReconciliation: {
        parameters: {
            query: {
                /** @description Only callbacks that entered the ledger, and rewards that Kiip gave, at this time or later. */
                from: string;
                /** @description And before this time. */
                to: string;
            };
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The totals */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "from": "2026-01-31T00:00:00.000Z",
                     *       "to": "2026-02-01T00:00:00.000Z",
                     *       "accepted": 1200,
                     *       "delivered": 1190,
                     *       "pending": 7,
                     *       "dead": 1,
                     *       "quarantined": 2,
                     *       "discarded": 0,
                     *       "missing": 0,
                     *       "rewards_without_callback": [
                     *         {
                     *           "reward_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                     *           "moment_id": "CgkIraKVsdIBEAIQEA",
                     *           "user_id": "user-123",
                     *           "virtual_value": "20",
                     *           "rewarded_at": "2026-01-31T12:00:00.000Z"
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Reconciliation"];
                };
            };
            /** @description Invalid request */
            400: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "urn:rewards-gateway:problem:validation",
                     *       "title": "Invalid request",
                     *       "status": 400,
                     *       "detail": "to must be later than from.",
                     *       "instance": "checkout-4711",
                     *       "errors": [
                     *         {
                     *           "pointer": "/to",
                     *           "detail": "to must be later than from"
                     *         }
                     *       ],
                     *       "retryable": false
                     *     }
                     */
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingLedgerRead"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    listUserRewards: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The rewards */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "reward_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                     *           "moment_id": "CgkIraKVsdIBEAIQEA",
                     *           "user_id": "user-123",
                     *           "virtual_value": "20",
                     *           "rewarded_at": "2026-01-31T12:00:00.000Z",
                     *           "issuance_id": null
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["UserRewards"];
                };
            };
            400: components["responses"]["InvalidUserId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingLedgerRead"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    listAuditEntries: {
        parameters: {
            query?: {
                limit?: components["parameters"]["limit"];
                /** @description `asc` (the default): oldest first. `desc`: newest first; the last page has less than `limit` items. */
                order?: components["parameters"]["order"];
                /** @description The `next` of an earlier response. */
                after?: components["parameters"]["after"];
            };
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "aud_17",
                     *           "at": "2026-01-31T12:00:00.000Z",
                     *           "caller": "operations",
                     *           "request_id": "0190c1d2-e3f4-7000-8000-112233445566",
                     *           "action": "release",
                     *           "subject": "iss_0190c1d2e3f4000000112233445566aa",
                     *           "reason": "Confirmed by Kiip, ticket 4711"
                     *         }
                     *       ],
                     *       "next": "aud_17-mkkqo5c0"
                     *     }
                     */
                    "application/json": components["schemas"]["Audit"];
                };
            };
            400: components["responses"]["InvalidLimit"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingLedgerDecide"];
            410: components["responses"]["FeedRestarted"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    getLiveness: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All checks passed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok",
                     *       "info": {
                     *         "event_loop": {
                     *           "status": "up"
                     *         }
                     *       },
                     *       "error": {},
                     *       "details": {
                     *         "event_loop": {
                     *           "status": "up"
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Health"];
                };
            };
            500: components["responses"]["InternalServerError"];
            /** @description Service Unavailable */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "about:blank",
                     *       "title": "Service Unavailable",
                     *       "status": 503,
                     *       "detail": "The service is unavailable.",
                     *       "instance": "checkout-4711",
                     *       "checks": {
                     *         "event_loop": {
                     *           "status": "down"
                     *         }
                     *       }
                     *     }
                     */
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getStartup: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All checks passed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok",
                     *       "info": {
                     *         "process": {
                     *           "status": "up"
                     *         },
                     *         "database": {
                     *           "status": "up",
                     *           "state": "up"
                     *         }
                     *       },
                     *       "error": {},
                     *       "details": {
                     *         "process": {
                     *           "status": "up"
                     *         },
                     *         "database": {
                     *           "status": "up",
                     *           "state": "up"
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Health"];
                };
            };
            500: components["responses"]["InternalServerError"];
            /** @description Service Unavailable */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "about:blank",
                     *       "title": "Service Unavailable",
                     *       "status": 503,
                     *       "detail": "The service is unavailable.",
                     *       "instance": "checkout-4711",
                     *       "checks": {
                     *         "process": {
                     *           "status": "up"
                     *         },
                     *         "database": {
                     *           "status": "down",
                     *           "state": "unknown"
                     *         }
                     *       }
                     *     }
                     */
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All checks passed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok",
                     *       "info": {
                     *         "process": {
                     *           "status": "up"
                     *         },
                     *         "database": {
                     *           "status": "up",
                     *           "state": "up"
                     *         },
                     *         "redis": {
                     *           "status": "up",
                     *           "state": "not-configured"
                     *         }
                     *       },
                     *       "error": {},
                     *       "details": {
                     *         "process": {
                     *           "status": "up"
                     *         },
                     *         "database": {
                     *           "status": "up",
                     *           "state": "up"
                     *         },
                     *         "redis": {
                     *           "status": "up",
                     *           "state": "not-configured"
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Health"];
                };
            };
            500: components["responses"]["InternalServerError"];
            /** @description Service Unavailable */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "about:blank",
                     *       "title": "Service Unavailable",
                     *       "status": 503,
                     *       "detail": "The service is unavailable.",
                     *       "instance": "checkout-4711",
                     *       "checks": {
                     *         "process": {
                     *           "status": "down",
                     *           "state": "draining"
                     *         },
                     *         "database": {
                     *           "status": "up",
                     *           "state": "up"
                     *         },
                     *         "redis": {
                     *           "status": "up",
                     *           "state": "not-configured"
                     *         }
                     *       }
                     *     }
                     */
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getDependencies: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description All checks passed */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok",
                     *       "info": {
                     *         "kigo": {
                     *           "status": "up",
                     *           "operations": {
                     *             "lookup": {
                     *               "breaker": "closed",
                     *               "last_success_at": "2026-01-31T12:00:00.000Z"
                     *             }
                     *           }
                     *         },
                     *         "redis": {
                     *           "status": "up",
                     *           "state": "up"
                     *         }
                     *       },
                     *       "error": {},
                     *       "details": {
                     *         "kigo": {
                     *           "status": "up",
                     *           "operations": {
                     *             "lookup": {
                     *               "breaker": "closed",
                     *               "last_success_at": "2026-01-31T12:00:00.000Z"
                     *             }
                     *           }
                     *         },
                     *         "redis": {
                     *           "status": "up",
                     *           "state": "up"
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Health"];
                };
            };
            500: components["responses"]["InternalServerError"];
            /** @description Service Unavailable */
            503: {
                headers: {
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "about:blank",
                     *       "title": "Service Unavailable",
                     *       "status": 503,
                     *       "detail": "The service is unavailable.",
                     *       "instance": "checkout-4711",
                     *       "checks": {
                     *         "kigo": {
                     *           "status": "down",
                     *           "operations": {
                     *             "lookup": {
                     *               "breaker": "open",
                     *               "last_success_at": "2026-01-31T12:00:00.000Z"
                     *             }
                     *           }
                     *         },
                     *         "redis": {
                     *           "status": "up",
                     *           "state": "up"
                     *         }
                     *       }
                     *     }
                     */
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Metrics in the text format of Prometheus */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example # HELP rewards_gateway_ledger_missing_24h Ledger entries of the last 24 hours that are neither delivered nor waiting
                     *     # TYPE rewards_gateway_ledger_missing_24h gauge
                     *     rewards_gateway_ledger_missing_24h 0
                     */
                    "text/plain": string;
                };
            };
            500: components["responses"]["InternalServerError"];
        };
    };
    getMetricsHistory: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description At most 360 steps */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "replica": "gateway-1",
                     *       "step_seconds": 10,
                     *       "to": "2026-01-31T12:00:00.000Z",
                     *       "series": {
                     *         "callbacks": [
                     *           1.2
                     *         ],
                     *         "callbacks_rejected": [
                     *           0
                     *         ],
                     *         "deliveries": [
                     *           1.2
                     *         ],
                     *         "deliveries_failed": [
                     *           0
                     *         ],
                     *         "counts": [
                     *           80.5
                     *         ],
                     *         "counts_cached": [
                     *           79
                     *         ],
                     *         "kigo_ms": [
                     *           42.1
                     *         ],
                     *         "kiip_ms": [
                     *           null
                     *         ],
                     *         "backlog": [
                     *           3
                     *         ]
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["MetricsHistory"];
                };
            };
            500: components["responses"]["InternalServerError"];
        };
    };
    receiveKiipCallback: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    [key: string]: unknown;
                };
                "application/x-www-form-urlencoded": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            200: components["responses"]["CallbackResult"];
            400: components["responses"]["InvalidCallback"];
            401: components["responses"]["CallbackSignature"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    receiveKiipRedemption: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                 *       "name": "Coins",
                 *       "quantity": 20,
                 *       "user_id": "user-123",
                 *       "transaction_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                 *       "signature": "4b0175324fc792e92f9b6024f43bf6545bb4c478"
                 *     }
                 */
                "application/json": {
                    [key: string]: unknown;
                };
                /**
                 * @example {
                 *       "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                 *       "name": "Coins",
                 *       "quantity": 20,
                 *       "user_id": "user-123",
                 *       "transaction_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                 *       "signature": "4b0175324fc792e92f9b6024f43bf6545bb4c478"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            200: components["responses"]["CallbackResult"];
            400: components["responses"]["InvalidCallback"];
            401: components["responses"]["CallbackSignature"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    receiveKiipIssuance: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                 *       "quantity": 20,
                 *       "user_id": "user-123",
                 *       "transaction_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                 *       "signature": "3392d14d59913b113d26919e2ed1960907b77931",
                 *       "nonce": "n-0001",
                 *       "origin": "survey"
                 *     }
                 */
                "application/json": {
                    [key: string]: unknown;
                };
                /**
                 * @example {
                 *       "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                 *       "quantity": 20,
                 *       "user_id": "user-123",
                 *       "transaction_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                 *       "signature": "3392d14d59913b113d26919e2ed1960907b77931",
                 *       "nonce": "n-0001",
                 *       "origin": "survey"
                 *     }
                 */
                "application/x-www-form-urlencoded": {
                    [key: string]: unknown;
                };
            };
        };
        responses: {
            200: components["responses"]["CallbackResult"];
            400: components["responses"]["InvalidCallback"];
            401: components["responses"]["CallbackSignature"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    listIssuances: {
        parameters: {
            query?: {
                limit?: components["parameters"]["limit"];
                /** @description `asc` (the default): oldest first. `desc`: newest first; the last page has less than `limit` items. */
                order?: components["parameters"]["order"];
                /** @description Only entries of this user. */
                user_id?: string;
                /** @description Only entries with this status. */
                status?: components["schemas"]["IssuanceStatus"];
                /** @description Only entries of this transaction. */
                transaction_id?: string;
                /** @description The `next` of an earlier response. */
                after?: components["parameters"]["after"];
            };
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "items": [
                     *         {
                     *           "id": "iss_0190c1d2e3f4000000112233445566aa",
                     *           "kind": "redemption",
                     *           "status": "recorded",
                     *           "reason": null,
                     *           "test": false,
                     *           "transaction_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                     *           "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                     *           "name": "Coins",
                     *           "quantity": 20,
                     *           "user_id": "user-123",
                     *           "nonce": null,
                     *           "origin": null,
                     *           "received_at": "2026-01-31T12:00:00.000Z"
                     *         }
                     *       ],
                     *       "next": "ZmVlZDo3OjFmNGMyYTkw"
                     *     }
                     */
                    "application/json": components["schemas"]["Issuances"];
                };
            };
            400: components["responses"]["InvalidLimit"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingLedgerRead"];
            410: components["responses"]["FeedRestarted"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    releaseIssuance: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Decision"];
        responses: {
            /** @description The released entry */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "iss_0190c1d2e3f4000000112233445566aa",
                     *       "kind": "redemption",
                     *       "status": "released",
                     *       "reason": "more-than-one-reading",
                     *       "test": false,
                     *       "transaction_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                     *       "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                     *       "name": "Coins",
                     *       "quantity": 20,
                     *       "user_id": "user-123",
                     *       "nonce": null,
                     *       "origin": null,
                     *       "received_at": "2026-01-31T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Issuance"];
                };
            };
            400: components["responses"]["InvalidId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingLedgerDecide"];
            404: components["responses"]["EntryNotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    discardIssuance: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: components["requestBodies"]["Decision"];
        responses: {
            /** @description The discarded entry */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": "iss_0190c1d2e3f4000000112233445566aa",
                     *       "kind": "redemption",
                     *       "status": "discarded",
                     *       "reason": "more-than-one-reading",
                     *       "test": false,
                     *       "transaction_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                     *       "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                     *       "name": "Coins",
                     *       "quantity": 20,
                     *       "user_id": "user-123",
                     *       "nonce": null,
                     *       "origin": null,
                     *       "received_at": "2026-01-31T12:00:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["Issuance"];
                };
            };
            400: components["responses"]["InvalidId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingLedgerDecide"];
            404: components["responses"]["EntryNotFound"];
            409: components["responses"]["Conflict"];
            413: components["responses"]["PayloadTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    getBalances: {
        parameters: {
            query?: never;
            header?: {
                /** @description Identifies the request in the log and in problems. If it is missing or malformed, a new one is used. */
                "X-Request-Id"?: components["parameters"]["X-Request-Id"];
            };
            path: {
                user_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description One balance per currency */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "user_id": "user-123",
                     *       "balances": [
                     *         {
                     *           "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                     *           "name": "Coins",
                     *           "quantity": 20
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["Balances"];
                };
            };
            400: components["responses"]["InvalidUserId"];
            401: components["responses"]["Unauthenticated"];
            403: components["responses"]["MissingLedgerRead"];
            429: components["responses"]["RateLimited"];
            500: components["responses"]["InternalServerError"];
            503: components["responses"]["StorageUnavailable"];
        };
    };
    receiveCurrencyIssued: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the ledger row, the same for every attempt and replay; `test_…` for a test */
                "webhook-id": components["parameters"]["webhook-id"];
                /** @description When this attempt was signed, in seconds since the Unix epoch */
                "webhook-timestamp": components["parameters"]["webhook-timestamp"];
                /** @description One signature for each active secret, separated by spaces */
                "webhook-signature": components["parameters"]["webhook-signature"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "kiip.currency.issued",
                 *       "timestamp": "2026-01-31T12:00:00.000Z",
                 *       "data": {
                 *         "id": "iss_0190c1d2e3f4000000112233445566aa",
                 *         "kind": "redemption",
                 *         "status": "recorded",
                 *         "reason": null,
                 *         "test": false,
                 *         "transaction_id": "5473ca54-59a5-cf65-d319-c91697297fcc",
                 *         "content": "7f3c2a10-0b1d-4c5e-8a9b-1234567890ab",
                 *         "name": "Coins",
                 *         "quantity": 20,
                 *         "user_id": "user-123",
                 *         "nonce": null,
                 *         "origin": null,
                 *         "received_at": "2026-01-31T12:00:00.000Z"
                 *       }
                 *     }
                 */
                "application/json": components["schemas"]["CurrencyIssuedEvent"];
            };
        };
        responses: {
            /** @description Gone: the consumer is paused */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Accepted: the event is not sent again, except by a manual retry or replay */
            "2XX": {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description Not accepted: the event is sent again */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    receiveTest: {
        parameters: {
            query?: never;
            header: {
                /** @description The id of the ledger row, the same for every attempt and replay; `test_…` for a test */
                "webhook-id": components["parameters"]["webhook-id"];
                /** @description When this attempt was signed, in seconds since the Unix epoch */
                "webhook-timestamp": components["parameters"]["webhook-timestamp"];
                /** @description One signature for each active secret, separated by spaces */
                "webhook-signature": components["parameters"]["webhook-signature"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "type": "gateway.test",
                 *       "timestamp": "2026-01-31T12:00:00.000Z",
                 *       "data": {}
                 *     }
                 */
                "application/json": components["schemas"]["TestEvent"];
            };
        };
        responses: {
            /** @description The caller gets the status */
            default: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
