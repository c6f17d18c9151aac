// Made from openapi.json by `npm run client`. Do not edit.
export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
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
        TestEvent: {
            /** @enum {string} */
            type: "gateway.test";
            /** @description Empty. */
            data: Record<string, never>;
            /** Format: date-time */
            timestamp: string;
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
        /** @enum {string} */
        IssuanceKind: "redemption" | "issuance";
        /** @enum {string} */
        IssuanceStatus: "recorded" | "quarantined" | "released" | "discarded";
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
