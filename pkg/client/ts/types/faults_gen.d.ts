/** OwnCode is the code of a fault that the client finds itself. */
export type OwnCode = 'pipeline.not_found' | 'fetch.changed' | 'http.bad_request' | 'http.digest_mismatch' | 'auth.invalid' | 'upload.gone' | 'upload.interrupted' | 'client.unreachable' | 'client.bad_answer' | 'client.interrupted' | 'client.bad_signature';
/** OwnFault is what is said of one. */
export interface OwnFault {
    class: string;
    status: number;
    title: string;
    hint: string;
}
/** ownFaults are the faults that the client finds itself. */
export declare const ownFaults: {
    readonly [code in OwnCode]: OwnFault;
};
