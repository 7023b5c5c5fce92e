/** FaultCode is a code of the registry of faults, schemas/FAULTS.md. */
export type FaultCode = 'submit.invalid' | 'submit.too_large' | 'submit.no_files' | 'submit.file_count' | 'submit.bad_name' | 'submit.bad_source' | 'submit.bad_params' | 'submit.path_not_allowed' | 'submit.unknown_artifact' | 'submit.needs_fetch' | 'submit.key_reused' | 'submit.refused' | 'submit.bad_reply_to' | 'pipeline.not_found' | 'pipeline.invalid' | 'pipeline.expression_failed' | 'pipeline.conflict' | 'job.not_found' | 'job.not_allowed' | 'job.no_revision' | 'job.stale_revision' | 'job.too_large' | 'job.unknown_outcome' | 'job.cancelled' | 'job.deadline_exceeded' | 'rollback.stale_plan' | 'rollback.no_reason' | 'rollback.irreversible' | 'rollback.nothing' | 'rerun.unknown_step' | 'rule.not_found' | 'rule.invalid' | 'rule.stale_revision' | 'rule.too_many' | 'bus.undecodable' | 'bus.handler_gave_up' | 'bus.unreachable' | 'bus.too_old' | 'bus.no_jetstream' | 'bus.store_full' | 'bus.fenced' | 'bus.not_found' | 'bus.provision_failed' | 'bus.closed' | 'bus.timeout' | 'bus.denied' | 'bus.too_large' | 'bus.bad_message' | 'bus.bad_subscription' | 'bus.handlers_stuck' | 'disk.low' | 'disk.no_room' | 'artifact.not_found' | 'artifact.corrupt' | 'artifact.disk_full' | 'artifact.too_large' | 'artifact.bad_digest' | 'artifact.bad_range' | 'artifact.io' | 'artifact.closed' | 'checkpoint.overtaken' | 'checkpoint.unexpected' | 'checkpoint.none' | 'checkpoint.too_large' | 'checkpoint.bad_key' | 'effect.unknown' | 'effect.refused' | 'artifact.bad_state' | 'stage.unknown' | 'stage.bad_config' | 'stage.timeout' | 'stage.stalled' | 'stage.queued_too_long' | 'stage.total_exceeded' | 'stage.panic' | 'stage.draining' | 'stage.worker_lost' | 'stage.bad_result' | 'stage.unclassified' | 'stage.no_input' | 'stage.scratch_full' | 'stage.scratch_failed' | 'stage.bad_spec' | 'fetch.not_found' | 'fetch.denied' | 'fetch.unreachable' | 'fetch.server_error' | 'fetch.rate_limited' | 'fetch.rejected' | 'fetch.truncated' | 'fetch.changed' | 'fetch.stalled' | 'fetch.private_address' | 'fetch.not_a_file' | 'fetch.unreadable' | 'fetch.too_large' | 'fetch.too_many_redirects' | 'fetch.mismatch' | 'fetch.untrusted' | 'fetch.io' | 'identify.mismatch' | 'identify.not_accepted' | 'compress.bad_level' | 'decompress.corrupt' | 'decompress.too_large' | 'crypt.bad_recipient' | 'crypt.bad_key_file' | 'crypt.no_identity' | 'crypt.not_sealed' | 'crypt.truncated' | 'crypt.corrupt' | 'crypt.too_large' | 'csv.bad_encoding' | 'csv.bad_header' | 'csv.bad_rows' | 'csv.row_too_long' | 'publish.exists' | 'publish.name_collision' | 'publish.bad_path' | 'publish.disk_full' | 'publish.io' | 'publish.changed' | 'publish.no_folder' | 's3.no_endpoint' | 's3.bad_key' | 's3.no_bucket' | 's3.denied' | 's3.untrusted' | 's3.unreachable' | 's3.unavailable' | 's3.rate_limited' | 's3.server_error' | 's3.timeout' | 's3.rejected' | 's3.conflict' | 's3.upload_gone' | 's3.mismatch' | 's3.full' | 's3.too_large' | 'command.not_allowed' | 'command.not_found' | 'command.failed' | 'command.try_later' | 'command.timeout' | 'command.too_much_output' | 'command.no_output' | 'simulate.failed' | 'breaker.open' | 'breaker.timeout' | 'http.bad_request' | 'http.bad_key' | 'http.not_found' | 'http.method_not_allowed' | 'http.too_slow' | 'http.not_ready' | 'mill.data_dir_in_use' | 'mill.bad_config' | 'mill.unsafe_address' | 'mill.start_failed' | 'internal.bug' | 'cli.usage' | 'cli.no_server' | 'cli.unreadable' | 'cli.write_failed' | 'cli.interrupted' | 'cli.not_confirmed' | 'cli.check_failed' | 'demo.no_files' | 'demo.check_failed' | 'http.too_large' | 'http.unsupported_media_type' | 'http.bad_host' | 'http.cross_site' | 'http.digest_mismatch' | 'http.too_busy' | 'auth.required' | 'auth.invalid' | 'auth.expired' | 'auth.scope' | 'auth.tenant' | 'auth.mill' | 'auth.closed' | 'auth.too_many_failures' | 'auth.unavailable' | 'key.invalid' | 'key.not_found' | 'key.too_wide' | 'key.too_many' | 'upload.not_found' | 'upload.gone' | 'upload.wrong_offset' | 'upload.locked' | 'upload.interrupted' | 'upload.checksum' | 'upload.too_many' | 'upload.bad_metadata' | 'upload.protocol' | 'client.unreachable' | 'client.bad_answer' | 'client.interrupted' | 'client.bad_signature' | 'net.private_address' | 'httpcall.rejected' | 'httpcall.denied' | 'httpcall.untrusted' | 'httpcall.rate_limited' | 'httpcall.unavailable' | 'httpcall.unreachable' | 'httpcall.server_error' | 'httpcall.no_answer' | 'httpcall.timeout' | 'httpcall.unexpected' | 'httpcall.unsettled' | 'deadletter.not_found' | 'deadletter.settled' | 'deadletter.stale_revision' | 'deadletter.cut' | 'deadletter.invalid' | 'deadletter.no_door' | 'deadletter.key_changed' | 'deadletter.no_reason' | 'decision.not_found' | 'decision.made' | 'decision.no_revision' | 'decision.stale' | 'decision.bad_choice' | 'operation.not_found' | 'operation.invalid' | 'operation.too_wide' | 'operation.not_allowed' | 'operation.key_reused' | 'operation.timed_out' | 'operation.moved_on' | 'operation.failing' | 'webhook.not_found' | 'webhook.invalid' | 'webhook.too_many' | 'webhook.stale_revision' | 'webhook.disabled' | 'webhook.delivery_not_found' | 'webhook.event_gone' | 'webhook.secret_unreadable' | 'webhook.refused' | 'webhook.gone' | 'webhook.rate_limited' | 'webhook.unavailable' | 'webhook.unreachable' | 'webhook.timeout' | 'webhook.untrusted' | 'view.unavailable' | 'view.damaged' | 'view.overtaken';
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
