// faults_gen.ts
var ownFaults = {
  "pipeline.not_found": { class: "schema_mismatch", status: 404, title: "there is no such pipeline", hint: "Run millrace pipeline list, or apply the pipeline first." },
  "fetch.changed": { class: "transient", status: 422, title: "the source changed while it was read", hint: "The step tries again; submit a copy that nobody writes to if it goes on." },
  "http.bad_request": { class: "schema_mismatch", status: 400, title: "the request is malformed", hint: "The detail names what is wrong." },
  "http.digest_mismatch": { class: "data_quality", status: 400, title: "the content does not match its Content-Digest", hint: "It was damaged on the way or changed while it was sent; send it again." },
  "auth.invalid": { class: "auth", status: 401, title: "the credentials are not valid", hint: "Check that the key or token is whole and for this mill, and that it was not revoked; millrace key list shows the keys there are." },
  "upload.gone": { class: "data_quality", status: 410, title: "the upload has ended", hint: "Begin it again; an upload that lies still for a day is given up." },
  "upload.interrupted": { class: "transient", status: 503, title: "the bytes stopped before their end", hint: "What arrived is kept; ask with HEAD where the upload is, and go on from there." },
  "client.unreachable": { class: "dependency_down", status: 503, title: "the mill cannot be reached", hint: "Start one with millrace dev, or check the address in --server or MILLRACE_SERVER." },
  "client.bad_answer": { class: "bug", status: 502, title: "the answer is not that of a mill", hint: "Check that the address is that of a millrace gateway and not of another program." },
  "client.interrupted": { class: "transient", status: 503, title: "the connection broke before the answer was complete", hint: "Repeat the call with the same idempotency key; that is harmless." },
  "client.bad_signature": { class: "auth", status: 401, title: "the webhook is not signed by the secret", hint: "Check that the secret is that of the endpoint, that the body is checked as it came, and the clock of the machine." }
};

// problem.ts
var passing = ["transient", "rate_limited", "dependency_down", "timeout"];
var MillraceError = class extends Error {
  name = "MillraceError";
  /** code names the fault; it is stable. FAULTS.md beside the schemas lists all of them. */
  code;
  /** class says what may be done next. */
  class;
  /** retryable is true when the same call may succeed later. */
  retryable;
  /** hint says what to do about it. */
  hint;
  /** status is the status of HTTP that fits the code. */
  status;
  /** errors are the single complaints, each with a pointer, a code and a hint. */
  errors;
  /** allowed are the commands that the job takes as it is now. Only of one that was refused. */
  allowed;
  /** job is the job that an idempotency key was first used for, or ''. */
  job;
  /** answered is the status of HTTP that there was, or 0 when there was no answer. */
  answered;
  /** retryAfter is how many milliseconds the server asks to wait, or 0. */
  retryAfter;
  /** A problem as the server says it, the milliseconds that it asks to wait, and what came. */
  constructor(problem, retryAfter2 = 0, cause, answered = 0) {
    const { title, detail = "" } = problem;
    super(!detail || detail.startsWith(title) ? detail || title : title + ": " + detail, { cause });
    this.code = problem.code;
    this.class = problem.class;
    this.retryable = problem.retryable;
    this.hint = problem.hint ?? "";
    this.status = problem.status;
    this.errors = problem.errors ?? [];
    this.allowed = problem.allowed ?? [];
    this.job = problem.job ?? "";
    this.retryAfter = retryAfter2;
    this.answered = answered;
  }
  /** pointers are the places in the request that {@link errors} complain of. */
  get pointers() {
    return this.errors.map((e) => e.pointer);
  }
  /** passes reports whether the fault can go away while somebody waits. */
  get passes() {
    return passing.includes(this.class);
  }
};
function ownError(code, detail, cause, retryAfter2 = 0, answered = 0) {
  const info = ownFaults[code];
  const retryable = passing.includes(info.class);
  return new MillraceError({ ...info, type: "about:blank", code, detail, retryable }, retryAfter2, cause, answered);
}
async function refusal(r) {
  const said = await r.text().catch(() => "");
  const type = r.headers.get("Content-Type") ?? "";
  if (type.startsWith("application/problem+json")) {
    const p = parsed(said);
    if (p?.code) return new MillraceError(p, retryAfter(r), void 0, r.status);
  }
  return stranger(r);
}
function stranger(r) {
  if ([502, 503, 504].includes(r.status)) {
    return ownError("client.unreachable", "something in between answers " + r.status, void 0, retryAfter(r), r.status);
  }
  return ownError("client.bad_answer", "it answers " + (r.status || "with a redirect") + " without a problem", void 0, 0, r.status);
}
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return void 0;
  }
}
function retryAfter(r) {
  const seconds = Number(r.headers.get("Retry-After") ?? 0);
  return seconds > 0 ? Math.min(seconds * 1e3, 6e4) : 0;
}

// patience.ts
function sleep(ms, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
var Backoff = class {
  constructor(retry) {
    this.retry = retry;
  }
  retry;
  bound = 0;
  /** next is the next pause: a random part of a bound that doubles, and at least what is asked. */
  next(atLeast = 0) {
    this.bound = Math.max(this.retry.firstPause, Math.min(2 * this.bound, this.retry.longPause));
    return Math.max(Math.random() * this.bound, atLeast);
  }
  /** reset goes back to the beginning, after a success. */
  reset() {
    this.bound = 0;
  }
};
var Outage = class {
  constructor(retry, patience, signal) {
    this.patience = patience;
    this.signal = signal;
    this.pause = new Backoff(retry);
  }
  patience;
  signal;
  since = 0;
  pause;
  /** bear waits a little when the call should be made again, and throws the error otherwise. */
  async bear(err) {
    if (!(err instanceof MillraceError) || !err.passes) throw err;
    this.since ||= Date.now();
    if (Date.now() - this.since > this.patience) throw err;
    await sleep(this.pause.next(err.retryAfter), this.signal);
  }
  /** end is told whenever the server has answered. */
  end() {
    this.since = 0;
    this.pause.reset();
  }
};
var Leash = class {
  constructor(signal) {
    this.signal = signal;
    if (signal?.aborted) this.follow();
    signal?.addEventListener("abort", this.follow, { once: true });
  }
  signal;
  controller = new AbortController();
  timer;
  follow = () => this.controller.abort(this.signal.reason);
  /** taut is the signal. */
  get taut() {
    return this.controller.signal;
  }
  /** allow gives it so many milliseconds from now, after which the error is its reason. */
  allow(ms, late) {
    this.rest();
    if (ms < 2 ** 31) this.timer = setTimeout(() => this.controller.abort(late()), ms);
  }
  /** rest stops the clock until it is allowed something again. */
  rest() {
    clearTimeout(this.timer);
  }
  /** end stops the clock and lets go of the caller's signal. It may be called again. */
  end() {
    this.rest();
    this.signal?.removeEventListener("abort", this.follow);
  }
};

// query.ts
function queryString(query = {}) {
  const q = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === void 0 || value === null || value === "") continue;
    if (Array.isArray(value)) {
      if (value.length) q.set(name, value.join(","));
    } else if (typeof value === "object") {
      for (const [key, v] of Object.entries(value)) q.set(name + "." + key, String(v));
    } else {
      q.set(name, String(value));
    }
  }
  const s = q.toString();
  return s && "?" + s;
}
function pathOf(...parts) {
  return "/v1/" + parts.map(encodeURIComponent).join("/");
}
function etag(version2) {
  return '"' + version2 + '"';
}

// sha256.ts
var SHA256 = class {
  state = Int32Array.of(
    1779033703,
    3144134277,
    1013904242,
    2773480762,
    1359893119,
    2600822924,
    528734635,
    1541459225
  );
  block = new Uint8Array(64);
  words = new Int32Array(64);
  length = 0;
  /** add takes more bytes. */
  add(bytes) {
    let at = 0;
    let filled = this.length % 64;
    this.length += bytes.length;
    if (filled) {
      at = Math.min(64 - filled, bytes.length);
      this.block.set(bytes.subarray(0, at), filled);
      filled += at;
      if (filled < 64) return this;
      this.mix(this.block, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.mix(bytes, at);
    this.block.set(bytes.subarray(at));
    return this;
  }
  /** digest is 'sha256:' and 64 hex digits, as the store names content. Nothing is added after it. */
  digest() {
    const size = this.length;
    const end = new Uint8Array((size % 64 < 56 ? 64 : 128) - size % 64);
    end[0] = 128;
    const tail = new DataView(end.buffer, end.length - 8);
    tail.setUint32(0, Math.floor(size / 2 ** 29));
    tail.setUint32(4, size * 8 % 2 ** 32);
    this.add(end);
    return "sha256:" + Array.from(this.state, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
  /** mix takes the 64 bytes at a place into the state. */
  mix(bytes, at) {
    const w = this.words;
    for (let i = 0; i < 16; i++, at += 4) {
      w[i] = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15], y = w[i - 2];
      const s0 = turned(x, 7) ^ turned(x, 18) ^ x >>> 3;
      const s1 = turned(y, 17) ^ turned(y, 19) ^ y >>> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    const s = this.state;
    let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    for (let i = 0; i < 64; i++) {
      const s1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
      const t1 = h + s1 + (e & f ^ ~e & g) + rounds[i] + w[i] | 0;
      const s0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
      const t2 = s0 + (a & b ^ a & c ^ b & c) | 0;
      h = g;
      g = f;
      f = e;
      e = d + t1 | 0;
      d = c;
      c = b;
      b = a;
      a = t1 + t2 | 0;
    }
    s[0] += a;
    s[1] += b;
    s[2] += c;
    s[3] += d;
    s[4] += e;
    s[5] += f;
    s[6] += g;
    s[7] += h;
  }
};
var turned = (x, by) => x >>> by | x << 32 - by;
var rounds = fractions(64);
function fractions(n) {
  const out = new Int32Array(n);
  for (let found = 0, candidate = 2; found < n; candidate++) {
    let prime = true;
    for (let d = 2; d * d <= candidate; d++) if (candidate % d === 0) prime = false;
    if (prime) out[found++] = Math.cbrt(candidate) % 1 * 2 ** 32;
  }
  return out;
}

// artifacts.ts
var Artifacts = class {
  constructor(c) {
    this.c = c;
  }
  c;
  /**
   * download is the content of an artifact. After a broken connection it goes on where it
   * was, and at its end it is compared with the digest; so what has come is good when the
   * stream has ended without an error. Errors: artifact.not_found, artifact.bad_digest,
   * http.digest_mismatch.
   */
  download(digest, o = {}) {
    const stop = new AbortController();
    const signal = o.signal ? AbortSignal.any([o.signal, stop.signal]) : stop.signal;
    const content = new Download(this.c, digest, { ...o, signal }).bytes();
    return new ReadableStream({
      async pull(to) {
        const { value, done } = await content.next();
        if (done) to.close();
        else to.enqueue(value);
      },
      cancel: (reason) => stop.abort(reason)
    });
  }
  /** blob is all of {@link download}, in memory or wherever the platform keeps it. */
  async blob(digest, o = {}) {
    const parts = [];
    for await (const part of new Download(this.c, digest, o).bytes()) parts.push(part);
    return new Blob(parts);
  }
  /** known is how many bytes the server has of a digest, or undefined when it has not got it. */
  known(digest, o = {}) {
    return known(this.c, digest, o);
  }
};
async function known(c, digest, o) {
  try {
    return await c.once(
      { method: "HEAD", path: pathOf("artifacts", digest) },
      o.signal,
      async (r) => Number(r.headers.get("Content-Length") ?? NaN)
    );
  } catch (err) {
    if (err instanceof MillraceError) return void 0;
    throw err;
  }
}
var Download = class {
  constructor(c, digest, o) {
    this.c = c;
    this.digest = digest;
    this.o = o;
  }
  c;
  digest;
  o;
  done = 0;
  total = -1;
  sum = new SHA256();
  /** bytes is the content, over as many connections as it takes. */
  async *bytes() {
    const pause = new Backoff(this.c.retry);
    for (let failures = 0; this.done !== this.total; ) {
      const was = this.done;
      try {
        yield* this.connection();
      } catch (err) {
        if (this.done > was) {
          failures = 0;
          pause.reset();
        }
        const passes = err instanceof MillraceError && err.passes;
        if (!passes || ++failures >= (this.o.tries ?? this.c.retry.tries)) throw err;
        await sleep(pause.next(err.retryAfter), this.o.signal);
      }
    }
    const got = this.sum.digest();
    if (got !== this.digest) throw ownError("http.digest_mismatch", "download " + this.digest + ", got " + got);
  }
  /** connection reads one answer to its end. */
  async *connection() {
    const headers2 = this.done ? { Range: "bytes=" + this.done + "-" } : {};
    const k = { method: "GET", path: pathOf("artifacts", this.digest), query: { job: this.o.job }, headers: headers2 };
    const { response, leash } = await this.c.attempt(k, this.o.signal);
    const reader = response.body.getReader();
    try {
      if (this.done && response.status !== 206) throw ownError("client.bad_answer", "it does not resume a download");
      if (!this.done) this.total = Number(response.headers.get("Content-Length") ?? -1);
      for (; ; ) {
        leash.allow(this.c.retry.silence, () => ownError("client.interrupted", "the content went silent"));
        const { value, done } = await reader.read();
        leash.rest();
        if (done) break;
        this.take(value);
        yield value;
      }
      if (this.total < 0) this.total = this.done;
      if (this.done < this.total) throw ownError("client.interrupted", "the content ended early");
    } catch (err) {
      if (this.o.signal?.aborted) throw this.o.signal.reason;
      throw err instanceof MillraceError ? err : ownError("client.interrupted", "read the content", err);
    } finally {
      leash.end();
      reader.cancel().catch(() => {
      });
    }
  }
  take(bytes) {
    this.sum.add(bytes);
    this.done += bytes.length;
    this.o.onProgress?.(this.done, Math.max(this.total, 0));
  }
};

// pages.ts
async function* pages(cursor, ask, items, next) {
  for (let at = cursor; ; ) {
    const page = await ask(at);
    yield* items(page);
    at = next(page);
    if (!at) return;
  }
}

// decisions.ts
var Decisions = class {
  constructor(c) {
    this.c = c;
  }
  c;
  /** list is all open decisions that are asked for, page by page as they are needed. */
  list(query = {}, o = {}) {
    return pages(query.cursor, (cursor) => this.page({ ...query, cursor }, o), (p) => p.decisions, (p) => p.next_cursor);
  }
  /** page is one page of them. */
  page(query = {}, o = {}) {
    return this.c.json({ method: "GET", path: "/v1/decisions", query }, o);
  }
  /** get is a decision, open or made. Error: decision.not_found. */
  get(id, o = {}) {
    return this.c.json({ method: "GET", path: pathOf("decisions", id) }, o);
  }
  /**
   * decide makes a decision that was looked at in a version of it, and returns it when that
   * has taken effect, or as it is when that takes long. It is not asked a second time when
   * the answer is lost: get the decision then. Errors: decision.not_found; decision.made, which
   * says who made it, what and when; decision.stale; decision.bad_choice; job.not_allowed.
   */
  decide(d, answer, o = {}) {
    return this.c.json({
      method: "POST",
      path: pathOf("decisions", d.id),
      json: answer,
      headers: { "If-Match": etag(d.version) },
      once: true
    }, o);
  }
};

// config.ts
var usual = {
  tries: 4,
  patience: 12e4,
  firstPause: 100,
  longPause: 2e3,
  answer: 18e4,
  silence: 45e3
};
function address(server) {
  let url;
  try {
    url = new URL(server);
  } catch (cause) {
    throw ownError("client.unreachable", "server is not an address", cause);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw ownError("client.unreachable", "server is not the address of an HTTP server");
  }
  return url.origin + url.pathname.replace(/\/+$/, "");
}
function identity(c) {
  const headers2 = {};
  if (c.key) {
    if (!/^[!-~]+$/.test(c.key)) throw ownError("auth.invalid", "a key is printable ASCII without spaces");
    headers2["Authorization"] = "Bearer " + c.key;
  }
  if (c.tenant) {
    if (!/^[a-z0-9_-]{1,64}$/.test(c.tenant)) throw ownError("http.bad_request", "a tenant is 1 to 64 of a-z, 0-9, _ and -");
    headers2["Millrace-Tenant"] = c.tenant;
  }
  return headers2;
}

// call.ts
var Connection = class {
  /** server is the address of the gateway without credentials. */
  server;
  retry;
  headers;
  fetch;
  /** Errors: client.unreachable, http.bad_request and auth.invalid for a config that cannot be. */
  constructor(c) {
    this.server = address(c.server);
    this.headers = identity(c);
    this.retry = { ...usual, ...c.retry };
    this.fetch = c.fetch ?? ((...args) => fetch(...args));
  }
  /** json makes the request and returns the JSON of its answer. */
  json(k, o = {}) {
    return this.ask(k, o, decode);
  }
  /** ask makes the request until there is an answer that is no refusal, and reads it. */
  async ask(k, o, read) {
    const pause = new Backoff(this.retry);
    for (let tries = 1; ; tries++) {
      try {
        return await this.once(k, o.signal, read);
      } catch (err) {
        if (tries >= (o.tries ?? this.retry.tries) || !again(k, err)) throw err;
        await sleep(pause.next(err.retryAfter), o.signal);
      }
    }
  }
  /** once makes the request a single time and reads the answer. */
  async once(k, signal, read) {
    const { response, leash } = await this.attempt(k, signal);
    try {
      return await read(response);
    } catch (err) {
      throw broken(err, signal, k);
    } finally {
      leash.end();
    }
  }
  /** attempt makes the request a single time, up to the beginning of the answer. */
  async attempt(k, signal) {
    const leash = new Leash(signal);
    leash.allow(this.retry.answer + (k.extra ?? 0), () => ownError("client.interrupted", "no answer came to " + k.method + " " + k.path));
    try {
      const response = await this.send(k, leash.taut);
      if (response.ok || response.status === 304) return { response, leash };
      throw await refusal(response);
    } catch (err) {
      leash.end();
      throw broken(err, signal, k);
    }
  }
  async send(k, signal) {
    const headers2 = { ...this.headers, ...k.headers };
    if (k.method === "GET") headers2["Cache-Control"] ??= "max-age=0";
    if (k.json !== void 0) headers2["Content-Type"] = "application/json";
    const body = k.json === void 0 ? k.body : JSON.stringify(k.json);
    const init = {
      method: k.method,
      headers: headers2,
      signal,
      // A page's cookies and cache have nothing to do with it, and a key follows no redirect.
      credentials: "omit",
      cache: "no-store",
      redirect: "manual"
    };
    if (body !== void 0) init.body = body;
    try {
      return await this.fetch(this.server + k.path + queryString(k.query), init);
    } catch (err) {
      if (signal.aborted) throw signal.reason;
      throw ownError("client.unreachable", k.method + " " + this.server + k.path, err);
    }
  }
};
function broken(err, signal, k) {
  if (signal?.aborted) return signal.reason;
  if (err instanceof MillraceError) return err;
  return ownError("client.interrupted", k.method + " " + k.path, err);
}
async function decode(r) {
  const said = await r.text();
  try {
    return JSON.parse(said);
  } catch (cause) {
    throw ownError("client.bad_answer", "decode " + said.length + " characters", cause);
  }
}
var idle = ["http.not_ready", "http.too_busy"];
var unsure = ["client.unreachable", "client.interrupted", "bus.timeout", "bus.unreachable", "submit.refused", "fetch.changed"];
function again(k, err) {
  if (!(err instanceof MillraceError)) return false;
  return idle.includes(err.code) || !k.once && unsure.includes(err.code);
}

// sse.ts
var maxEvent = 4 << 20;
async function* messages(body, alive) {
  const reader = body.getReader();
  const text = new TextDecoder();
  const parser = new Parser();
  try {
    for (; ; ) {
      const { value, done } = await reader.read();
      if (done) throw ownError("client.interrupted", "the stream has ended");
      alive();
      yield* parser.take(text.decode(value, { stream: true }));
    }
  } finally {
    reader.cancel().catch(() => {
    });
  }
}
var Parser = class {
  rest = "";
  size = 0;
  id = "";
  event = "";
  data = [];
  /** take returns the events that have come to their end with more text. */
  take(text) {
    const found = [];
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop();
    for (const line of lines) {
      const m = this.line(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (m) found.push(m);
    }
    if (this.size + this.rest.length > maxEvent) throw ownError("client.bad_answer", "an event is too large");
    return found;
  }
  /** line takes 'field: value', a comment that begins with a colon, or the empty line after an event. */
  line(line) {
    this.size += line.length;
    if (!line) return this.end();
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "id") this.id = value;
    else if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
    return void 0;
  }
  end() {
    const m = this.data.length ? { id: this.id, event: this.event, data: this.data.join("\n") } : void 0;
    this.size = 0;
    this.id = this.event = "";
    this.data = [];
    return m;
  }
};

// follow.ts
async function* follow(c, ask, o) {
  const outage = new Outage(c.retry, o.patience ?? c.retry.patience, o.signal);
  for (; ; ) {
    try {
      for await (const m of listen(c, ask(), o.signal)) {
        outage.end();
        yield m;
      }
    } catch (err) {
      await outage.bear(err);
    }
  }
}
async function* listen(c, k, signal) {
  const { response, leash } = await c.attempt(k, signal);
  const alive = () => leash.allow(c.retry.silence, () => ownError("client.interrupted", "the stream went silent"));
  try {
    alive();
    if (!response.body) throw ownError("client.bad_answer", "the stream has no body");
    return yield* messages(response.body, alive);
  } catch (err) {
    if (signal?.aborted) throw signal.reason;
    throw err instanceof MillraceError ? err : ownError("client.interrupted", "read the stream", err);
  } finally {
    leash.end();
  }
}
function streamCall(path, after, query) {
  const headers2 = { Accept: "text/event-stream" };
  if (after !== void 0) headers2["Last-Event-ID"] = String(after);
  return { method: "GET", path, headers: headers2, query };
}
function parsed2(m) {
  try {
    return JSON.parse(m.data);
  } catch (cause) {
    throw ownError("client.bad_answer", "decode an event", cause);
  }
}

// events.ts
function filters(q) {
  return { types: q.types?.join(), pipeline: q.pipelines?.join(), job: q.jobs?.join() };
}
async function* events(c, q, o) {
  let after = q.after;
  let begun = false;
  for await (const m of follow(c, () => streamCall("/v1/events", after, filters(q)), o)) {
    const place = Number(m.id);
    if (!m.id || Number.isNaN(place)) continue;
    if (m.event === "place") {
      after = begun ? Math.min(after, place) : place;
      if (!begun) yield { kind: "place", place };
    } else if (!begun || place > after) {
      after = place;
      yield { kind: "event", place, type: m.event, event: parsed2(m) };
    }
    begun = true;
  }
}

// orders.ts
var harmless = ["cancel", "pause"];
function order(c, id, verb, what, o) {
  const headers2 = {};
  if (o.revision) headers2["If-Match"] = etag(o.revision);
  return c.json({
    method: "POST",
    path: pathOf("jobs", id, verb),
    json: what,
    headers: headers2,
    once: o.revision !== void 0 || !harmless.includes(verb)
  }, o);
}

// pipelines.ts
var headers = { "Content-Type": "application/yaml" };
var Pipelines = class {
  constructor(c) {
    this.c = c;
  }
  c;
  /**
   * apply makes a pipeline file the current version of its name. It may be repeated. Errors:
   * pipeline.invalid, with every complaint in its errors; pipeline.conflict.
   */
  async apply(source, o = {}) {
    const name = o.name ?? ((await this.check(source, o)).name || "unnamed");
    return this.c.json({ method: "PUT", path: pathOf("pipelines", name), query: { reason: o.reason }, body: source, headers }, o);
  }
  /** check is the complaints about a pipeline file, which is not stored. They call it file. */
  check(source, o = {}) {
    return this.c.json({ method: "POST", path: "/v1/pipelines:check", query: { file: o.file }, body: source, headers }, o);
  }
  /** list is the pipelines by name. */
  async list(o = {}) {
    return (await this.c.json({ method: "GET", path: "/v1/pipelines" }, o)).pipelines;
  }
  /** get is the current version of a pipeline, or the one with a digest. Error: pipeline.not_found. */
  get(name, o = {}) {
    return this.c.json({ method: "GET", path: pathOf("pipelines", name), query: { digest: o.digest } }, o);
  }
  /** versions is every version that a pipeline has had, oldest first. Error: pipeline.not_found. */
  async versions(name, o = {}) {
    return (await this.c.json({ method: "GET", path: pathOf("pipelines", name, "versions") }, o)).versions;
  }
};

// states.ts
var finalStates = ["completed", "partial", "failed", "cancelled", "rolled_back"];
function isFinal(job) {
  return finalStates.includes(job.job.state);
}

// base64.ts
function encode64(bytes) {
  let s = "";
  for (let at = 0; at < bytes.length; at += 4096) s += String.fromCharCode(...bytes.subarray(at, at + 4096));
  return btoa(s);
}
function decode64(text) {
  try {
    return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    return void 0;
  }
}

// upload.ts
var root = "/v1/uploads/";
var version = { "Tus-Resumable": "1.0.0" };
var goesOn = [
  "client.unreachable",
  "client.interrupted",
  "http.not_ready",
  "http.too_busy",
  "http.too_slow",
  "upload.interrupted",
  "upload.wrong_offset",
  "upload.locked",
  "bus.timeout",
  "bus.unreachable",
  "artifact.io"
];
async function upload(c, blob, o) {
  const digest = await digestOf(blob, o);
  const file = { name: o.name ?? (blob instanceof File ? blob.name : ""), digest, size: blob.size };
  const mediaType = o.mediaType ?? blob.type;
  if (mediaType) file.media_type = mediaType;
  if (blob.size >= (o.askFrom ?? 64 << 10) && await known(c, digest, o) === blob.size) {
    o.onProgress?.(blob.size, blob.size);
    return file;
  }
  const sent = await new Upload(c, blob, file, o).run();
  if (sent !== digest) throw ownError("http.digest_mismatch", "the store has " + sent + ", sent was " + digest);
  return file;
}
async function digestOf(blob, o) {
  const sum = new SHA256();
  for (let at = 0; at < blob.size; at += 4 << 20) {
    o.signal?.throwIfAborted();
    sum.add(await bytesOf(blob.slice(at, at + (4 << 20))));
  }
  return sum.digest();
}
async function bytesOf(blob) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    throw ownError("fetch.changed", "read the content", cause);
  }
}
var Upload = class {
  constructor(c, blob, file, o) {
    this.c = c;
    this.blob = blob;
    this.file = file;
    this.o = o;
    this.place = o.resume ?? "";
    this.piece = o.piece ?? 4 << 20;
  }
  c;
  blob;
  file;
  o;
  place;
  at = 0;
  piece;
  /** run sends the content, as often as the connection breaks, and returns the digest of what the server has. */
  async run() {
    const pause = new Backoff(this.c.retry);
    for (let tries = 1; ; tries++) {
      const was = this.at;
      try {
        return await this.step();
      } catch (err) {
        if (this.at > was) {
          tries = 1;
          pause.reset();
        }
        const final = !(err instanceof MillraceError) || !goesOn.includes(err.code);
        if (final || tries >= (this.o.tries ?? this.c.retry.tries)) {
          await this.giveUp();
          throw err;
        }
        await sleep(pause.next(err.retryAfter), this.o.signal);
      }
    }
  }
  /** step asks how far the upload is, if it was begun before, and sends the rest. */
  async step() {
    let digest = "";
    if (this.place) digest = await this.ask();
    if (!this.place) digest = await this.begin();
    while (!digest && this.at < this.blob.size) digest = await this.patch();
    digest ||= await this.ask();
    if (!digest) throw ownError("client.bad_answer", "it does not say what it has stored");
    return digest;
  }
  /** begin asks the server for a place to upload to. */
  begin() {
    const meta = Object.entries({ filename: this.file.name, filetype: this.file.media_type, digest: this.file.digest }).filter(([, value]) => value).map(([name, value]) => name + " " + encode64(new TextEncoder().encode(value)));
    const headers2 = { ...version, "Upload-Length": String(this.blob.size), "Upload-Metadata": meta.join(",") };
    return this.c.ask({ method: "POST", path: root, headers: headers2 }, this.o, async (r) => {
      const location = r.headers.get("Location") ?? "";
      if (!location.includes(root)) throw ownError("client.bad_answer", "it names no place to upload to");
      this.place = location.slice(location.lastIndexOf(root));
      this.at = 0;
      this.o.onBegin?.(this.place);
      return this.arrived(r);
    });
  }
  /** ask asks how far the upload is. One that is not there any more, or is of other content, begins anew. */
  async ask() {
    try {
      return await this.c.once({ method: "HEAD", path: this.place, headers: version }, this.o.signal, async (r) => {
        const at = Number(r.headers.get("Upload-Offset") ?? NaN);
        if (Number(r.headers.get("Upload-Length")) !== this.blob.size) {
          this.place = "";
          return "";
        }
        if (!(at >= 0 && at <= this.blob.size)) throw stranger(r);
        this.at = at;
        return this.arrived(r);
      });
    } catch (err) {
      const status = err instanceof MillraceError ? err.answered : 0;
      if (status === 423 || status >= 500) throw ownError("upload.interrupted", "it answers " + status, err);
      if (![403, 404, 410].includes(status)) throw err;
      this.place = "";
      return "";
    }
  }
  /** patch sends the next piece. */
  patch() {
    const body = this.blob.slice(this.at, this.at + this.piece);
    const k = {
      method: "PATCH",
      path: this.place,
      body,
      extra: body.size / 8,
      headers: { ...version, "Content-Type": "application/offset+octet-stream", "Upload-Offset": String(this.at) }
    };
    return this.c.once(k, this.o.signal, async (r) => {
      const at = Number(r.headers.get("Upload-Offset") ?? NaN);
      if (!(at > this.at && at <= this.blob.size)) throw stranger(r);
      this.at = at;
      return this.arrived(r);
    });
  }
  /** arrived tells of progress and returns the digest, if that was all. */
  arrived(r) {
    this.o.onProgress?.(this.at, this.blob.size);
    return r.headers.get("Millrace-Artifact") ?? "";
  }
  /** giveUp lets the server forget an upload that nobody can go on with, if it can be told. */
  async giveUp() {
    if (!this.place || this.o.onBegin || this.o.resume) return;
    const k = { method: "DELETE", path: this.place, headers: version };
    await this.c.once(k, AbortSignal.timeout(2e3), async () => {
    }).catch(() => {
    });
  }
};

// submit.ts
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}
function inline(name, content) {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { name, inline: encode64(bytes) };
}
function submit(c, pipeline, s, o) {
  const key = o.key ?? newKey();
  return receive(c, { method: "POST", path: "/v1/jobs", json: { ...s, pipeline, key } }, key, o);
}
async function submitFile(c, pipeline, blob, o) {
  if (!pipeline) throw ownError("pipeline.not_found", "a pipeline must be named");
  await c.json({ method: "GET", path: pathOf("pipelines", pipeline) }, o);
  const { name, digest, size, media_type } = await upload(c, blob, o);
  const { params, labels } = o;
  return submit(c, pipeline, { params, labels, files: [{ name, digest, size, media_type }] }, o);
}
function rerun(c, id, r, o) {
  const key = r.key ?? newKey();
  return receive(c, { method: "POST", path: pathOf("jobs", id, "rerun"), json: { ...r, key, dry_run: false } }, key, o);
}
async function receive(c, k, key, o) {
  const receipt = await c.json(k, o);
  if (!receipt.job) throw ownError("client.bad_answer", "the receipt names no job");
  return { ...receipt, key };
}

// wait.ts
var pollSeconds = 30;
async function wait(c, id, until, o) {
  const outage = new Outage(c.retry, o.patience ?? c.retry.patience, o.signal);
  for (let known2 = 0; ; ) {
    try {
      const job = await poll(c, id, known2, o);
      outage.end();
      if (!job) continue;
      if (until(job)) return job;
      known2 = job.revision;
    } catch (err) {
      await outage.bear(err);
    }
  }
}
function poll(c, id, known2, o) {
  const headers2 = {};
  if (known2) {
    headers2["If-None-Match"] = etag(known2);
    headers2["Prefer"] = "wait=" + pollSeconds;
  }
  return c.ask(
    { method: "GET", path: pathOf("jobs", id), headers: headers2 },
    o,
    async (r) => r.status === 304 ? void 0 : decode(r)
  );
}

// watch.ts
async function* watch(c, id, o) {
  let last = o.after ?? 0;
  for await (const m of follow(c, () => streamCall(pathOf("jobs", id, "events"), last || void 0), o)) {
    if (m.event === "progress") {
      yield { kind: "progress", progress: parsed2(m) };
    } else if (m.event === "end") {
      yield { kind: "end", ...parsed2(m) };
      return;
    } else if (Number(m.id) > last) {
      last = Number(m.id);
      yield { kind: "record", id: last, type: m.event, record: parsed2(m) };
    }
  }
}

// millrace.ts
var Millrace = class {
  /** decisions are what jobs ask people. */
  decisions;
  /** pipelines are the pipelines of the tenant. */
  pipelines;
  /** artifacts are the contents of files, by their digests. */
  artifacts;
  c;
  /** Errors: client.unreachable, http.bad_request and auth.invalid for a config that cannot be. */
  constructor(config) {
    this.c = new Connection(config);
    this.decisions = new Decisions(this.c);
    this.pipelines = new Pipelines(this.c);
    this.artifacts = new Artifacts(this.c);
  }
  /** server is the address of the gateway without credentials. */
  get server() {
    return this.c.server;
  }
  /**
   * submit asks for a job. Without a key, one is made for this call, so that its own
   * repetitions make one job. Errors: those of submit and pipeline.
   */
  submit(pipeline, submission, o = {}) {
    return submit(this.c, pipeline, submission, o);
  }
  /**
   * upload sends content to the store, unless it is there already, and goes on where it was
   * after a broken connection, or from {@link UploadOptions.resume}. What has arrived is
   * compared with what was read. Errors: fetch.changed when the content changes meanwhile,
   * http.digest_mismatch, those of artifact and upload.
   */
  upload(blob, o = {}) {
    return upload(this.c, blob, o);
  }
  /**
   * submitFile uploads a file and asks for a job on it. That the pipeline exists is checked
   * before. Errors: those of {@link upload} and {@link submit}.
   */
  submitFile(pipeline, blob, o = {}) {
    return submitFile(this.c, pipeline, blob, o);
  }
  /** job is a job as it is now. Error: job.not_found. */
  job(id, o = {}) {
    return this.c.json({ method: "GET", path: pathOf("jobs", id) }, o);
  }
  /**
   * wait is a job when until says so, or when it has ended. until is called with every
   * revision that is seen, not with every one that there is. Error: job.not_found.
   */
  wait(id, until = isFinal, o = {}) {
    return wait(this.c, id, until, o);
  }
  /**
   * watch is what happens to a job, from its first record on. Every record comes one time and
   * in order, also across a broken connection and a restart of the server; progress is shown
   * as it comes and may be missing. It ends after the event of kind 'end'. Error: job.not_found.
   */
  watch(id, o = {}) {
    return watch(this.c, id, o);
  }
  /** records is the history of a job, oldest first, as it is now. Error: job.not_found. */
  records(id, o = {}) {
    return this.c.json({ method: "GET", path: pathOf("jobs", id, "events") }, o);
  }
  /**
   * events is what happens to the tenant's jobs: first comes the place where it begins, then
   * every event one time and in order, also across a broken connection and a restart of the
   * server. It ends when the caller leaves it or gives its signal.
   */
  events(q = {}, o = {}) {
    return events(this.c, q, o);
  }
  /** eventPage is a page of what happened. The next one begins after its after. */
  eventPage(q = {}, o = {}) {
    const query = { ...filters(q), after: q.after, limit: q.limit };
    return this.c.json({ method: "GET", path: "/v1/events", query }, o);
  }
  /** jobs is all jobs that are asked for, page by page as they are needed. */
  jobs(query = {}, o = {}) {
    return pages(query.cursor, (cursor) => this.jobPage({ ...query, cursor }, o), (p) => p.jobs, (p) => p.next_cursor);
  }
  /** jobPage is one page of them. It can hold fewer than asked for and still name a next one. */
  jobPage(query = {}, o = {}) {
    return this.c.json({ method: "GET", path: "/v1/jobs", query }, o);
  }
  /** explain is why a job and its steps stand where they stand, and what would move them. */
  explain(id, o = {}) {
    return this.c.json({ method: "GET", path: pathOf("jobs", id, "explain") }, o);
  }
  /**
   * order asks a job for what a verb says; the methods below say it for the usual cases. It
   * returns the job when the order has taken effect, or as it is when that takes long. Errors:
   * job.not_found; job.not_allowed, with what is allowed; job.stale_revision.
   */
  order(id, verb, what = {}, o = {}) {
    return order(this.c, id, verb, what, o);
  }
  /** cancel asks that a job stops and takes back what it did. */
  cancel(id, reason, o) {
    return this.order(id, "cancel", { reason }, o);
  }
  /** retry gives all that is in attention another budget, or one step of it. */
  retry(id, reason, o) {
    return this.order(id, "retry", { reason, step: o?.step, effect: o?.effect }, o);
  }
  /** abandon gives a job in attention up: it is compensated, or fails. */
  abandon(id, reason, o) {
    return this.order(id, "abandon", { reason }, o);
  }
  /** pause lets a job finish what is queued and begin nothing new. */
  pause(id, reason, o) {
    return this.order(id, "pause", { reason }, o);
  }
  /** resume lets a job that is paused go on. */
  resume(id, reason, o) {
    return this.order(id, "resume", { reason }, o);
  }
  /** skip goes on without a step that is in attention or waits; a critical one must be forced. */
  skip(id, step, reason, o) {
    return this.order(id, "skip", { step, reason, force: o?.force }, o);
  }
  /** accept takes the undo of a step that failed for done, or all of them without a step. */
  accept(id, reason, o) {
    return this.order(id, "accept", { reason, step: o?.step }, o);
  }
  /** rollbackPlan is what a rollback of a job that has ended would do. Error: rollback.nothing. */
  rollbackPlan(id, o = {}) {
    return this.c.json({ method: "GET", path: pathOf("jobs", id, "rollback") }, o);
  }
  /**
   * rollback takes back what a job did that has ended, by a plan that somebody has looked at;
   * irreversible accepts that what cannot be taken back stays. Errors: job.stale_revision and
   * rollback.stale_plan when the plan is of another state; rollback.irreversible.
   */
  rollback(id, plan, reason, o) {
    return this.order(id, "rollback", { plan: plan.digest, reason, irreversible: o?.irreversible }, { ...o, revision: plan.revision });
  }
  /** rerun makes another job of one that has ended, with a key like {@link submit}. */
  rerun(id, r = {}, o = {}) {
    return rerun(this.c, id, r, o);
  }
  /** rerunPlan is what {@link rerun} would do about each step. */
  rerunPlan(id, r = {}, o = {}) {
    return this.c.json({ method: "POST", path: pathOf("jobs", id, "rerun"), json: { ...r, dry_run: true } }, o);
  }
  /**
   * request makes any other call of the API, with this client's keys, patience and errors, and
   * returns the JSON of its answer. Say {@link Call.once} of what must not be done twice.
   */
  request(call, o = {}) {
    return this.c.ask(call, o, async (r) => r.status === 204 ? void 0 : decode(r));
  }
};

// webhook.ts
async function verifyWebhook(body, headers2, secret, o = {}) {
  const id = header(headers2, "webhook-id");
  const time = header(headers2, "webhook-timestamp");
  const seconds = /^\d{1,12}$/.test(time) ? Number(time) : NaN;
  const age = Math.abs((o.now?.getTime() ?? Date.now()) / 1e3 - seconds);
  if (!id || !(age <= (o.tolerance ?? 300))) throw ownError("client.bad_signature", "it has no id, or not the time of now");
  const text = typeof body === "string" ? body : new TextDecoder("utf-8", { ignoreBOM: true }).decode(body);
  const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
  const signed = joined(new TextEncoder().encode(id + "." + time + "."), bytes);
  for (const key of await Promise.all([secret].flat().map(imported))) {
    for (const signature of signatures(header(headers2, "webhook-signature"))) {
      if (await crypto.subtle.verify("HMAC", key, signature, signed)) return notification(text);
    }
  }
  throw ownError("client.bad_signature", "no signature fits");
}
function notification(text) {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw ownError("client.bad_answer", "decode a webhook", cause);
  }
}
function imported(secret) {
  const bytes = decode64(secret.replace(/^whsec_/, ""));
  if (!bytes?.length) throw ownError("client.bad_signature", "the secret is not that of a webhook");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}
function signatures(header2) {
  return header2.split(" ").filter((s) => s.startsWith("v1,")).flatMap((s) => decode64(s.slice(3)) ?? []);
}
function header(headers2, name) {
  if (headers2 instanceof Headers) return headers2.get(name) ?? "";
  const found = Object.entries(headers2).find(([key]) => key.toLowerCase() === name);
  return [found?.[1] ?? ""].flat().join(" ");
}
function joined(a, b) {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
export {
  Artifacts,
  Decisions,
  Millrace,
  MillraceError,
  Pipelines,
  finalStates,
  inline,
  isFinal,
  newKey,
  verifyWebhook
};
