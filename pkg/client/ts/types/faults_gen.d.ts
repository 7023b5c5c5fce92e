/** ownFaults are the faults that the client finds itself. */
export declare const ownFaults: {
    readonly 'pipeline.not_found': {
        readonly class: 'schema_mismatch';
        readonly status: 404;
        readonly title: 'there is no such pipeline';
        readonly hint: 'Run millrace pipeline list, or apply the pipeline first.';
    };
    readonly 'fetch.changed': {
        readonly class: 'transient';
        readonly status: 422;
        readonly title: 'the source changed while it was read';
        readonly hint: 'The step tries again; submit a copy that nobody writes to if it goes on.';
    };
    readonly 'http.bad_request': {
        readonly class: 'schema_mismatch';
        readonly status: 400;
        readonly title: 'the request is malformed';
        readonly hint: 'The detail names what is wrong.';
    };
    readonly 'http.digest_mismatch': {
        readonly class: 'data_quality';
        readonly status: 400;
        readonly title: 'the content does not match its Content-Digest';
        readonly hint: 'It was damaged on the way or changed while it was sent; send it again.';
    };
    readonly 'auth.invalid': {
        readonly class: 'auth';
        readonly status: 401;
        readonly title: 'the credentials are not valid';
        readonly hint: 'Check that the key or token is whole and for this mill, and that it was not revoked; millrace key list shows the keys there are.';
    };
    readonly 'upload.gone': {
        readonly class: 'data_quality';
        readonly status: 410;
        readonly title: 'the upload has ended';
        readonly hint: 'Begin it again; an upload that lies still for a day is given up.';
    };
    readonly 'upload.interrupted': {
        readonly class: 'transient';
        readonly status: 503;
        readonly title: 'the bytes stopped before their end';
        readonly hint: 'What arrived is kept; ask with HEAD where the upload is, and go on from there.';
    };
    readonly 'client.unreachable': {
        readonly class: 'dependency_down';
        readonly status: 503;
        readonly title: 'the mill cannot be reached';
        readonly hint: 'Start one with millrace dev, or check the address in --server or MILLRACE_SERVER.';
    };
    readonly 'client.bad_answer': {
        readonly class: 'bug';
        readonly status: 502;
        readonly title: 'the answer is not that of a mill';
        readonly hint: 'Check that the address is that of a millrace gateway and not of another program.';
    };
    readonly 'client.interrupted': {
        readonly class: 'transient';
        readonly status: 503;
        readonly title: 'the connection broke before the answer was complete';
        readonly hint: 'Repeat the call with the same idempotency key; that is harmless.';
    };
    readonly 'client.bad_signature': {
        readonly class: 'auth';
        readonly status: 401;
        readonly title: 'the webhook is not signed by the secret';
        readonly hint: 'Check that the secret is that of the endpoint, that the body is checked as it came, and the clock of the machine.';
    };
};
