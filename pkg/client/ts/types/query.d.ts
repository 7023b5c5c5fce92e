/** Query is what is asked for in an address. A list has commas between, and a map is NAME.KEY=VALUE. */
export type Query = object;
/** queryString writes a query as the API reads it, with its question mark. What is undefined is left out. */
export declare function queryString(query?: Query): string;
/** pathOf writes a path of parts, each escaped. */
export declare function pathOf(...parts: string[]): string;
/** etag writes a version as If-Match and If-None-Match have it. */
export declare function etag(version: number | string): string;
