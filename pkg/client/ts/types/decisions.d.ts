import type * as api from './api_gen.js';
import type { Connection } from './call.js';
import type { CallOptions } from './config.js';
/** Decisions are what jobs ask people. */
export declare class Decisions {
    private readonly c;
    constructor(c: Connection);
    /** list is all open decisions that are asked for, page by page as they are needed. */
    list(query?: api.ListDecisionsQuery, o?: CallOptions): AsyncGenerator<api.Decision, void>;
    /** page is one page of them. */
    page(query?: api.ListDecisionsQuery, o?: CallOptions): Promise<api.DecisionPage>;
    /** get is a decision, open or made. Error: decision.not_found. */
    get(id: string, o?: CallOptions): Promise<api.Decision>;
    /**
     * decide makes a decision that was looked at in a version of it, and returns it when that
     * has taken effect, or as it is when that takes long. It is not asked a second time when
     * the answer is lost: get the decision then. Errors: decision.not_found; decision.made, which
     * says who made it, what and when; decision.stale; decision.bad_choice; job.not_allowed.
     */
    decide(d: Pick<api.Decision, 'id' | 'version'>, answer: api.DecisionAnswer, o?: CallOptions): Promise<api.Decision>;
}
