// The few calls of SAMP's Web Profile (SAMP 1.3 §5) that pages make: XML-RPC to the hub on the reader's own machine.

export type Value = string | Value[] | { [name: string]: Value };
export type Struct = { [name: string]: Value };

/** Both are the same machine; a page may speak to either, and a browser may know only one of them as trustworthy. */
const HUBS = ["http://localhost:21012/", "http://127.0.0.1:21012/"];
export const HUB = "http://localhost:21012";
const SHORT_MS = 10_000;
/** A person reads a question of the hub and answers it. */
const CONSENT_MS = 120_000;

/** There is nobody at the address of the hub, or the browser does not let the page speak to it. */
export class NoHubError extends Error {}
/** The hub, or the person before it, says no. */
export class RefusedByHubError extends Error {}

/** SAMP has ASCII only (§3.4). */
function plain(text: string): string {
  return text.replace(/[^\t\n\r\x20-\x7e]/g, "?");
}

function write(value: Value): string {
  if (typeof value === "string") {
    const escaped = plain(value).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
    return `<value><string>${escaped}</string></value>`;
  }
  if (Array.isArray(value)) return `<value><array><data>${value.map(write).join("")}</data></array></value>`;
  const members = Object.entries(value).map(([name, one]) => `<member><name>${name}</name>${write(one)}</member>`);
  return `<value><struct>${members.join("")}</struct></value>`;
}

function request(method: string, values: readonly Value[]): string {
  const params = values.map((value) => `<param>${write(value)}</param>`).join("");
  return `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
}

function read(value: Element): Value {
  const inside = value.firstElementChild;
  if (!inside) return value.textContent ?? "";
  if (inside.tagName === "array") {
    return [...(inside.querySelector(":scope > data")?.children ?? [])].map(read);
  }
  if (inside.tagName === "struct") {
    const members = [...inside.children].map((member) => {
      const held = member.querySelector(":scope > value");
      return [member.querySelector(":scope > name")?.textContent ?? "", held ? read(held) : ""] as const;
    });
    return Object.fromEntries(members);
  }
  return inside.textContent ?? "";
}

function struct(value: Value | undefined): Struct {
  return typeof value === "object" && !Array.isArray(value) ? value : {};
}

export function textAt(value: Value | undefined, name: string): string {
  const found = struct(value)[name];
  return typeof found === "string" ? found : "";
}

async function call(address: string, method: string, values: readonly Value[], limit: AbortSignal): Promise<Value> {
  let answer: Response;
  try {
    // text without a type of its own needs no question beforehand (CORS)
    answer = await fetch(address, { method: "POST", body: request(method, values), signal: limit, credentials: "omit" });
  } catch (error) {
    if (limit.aborted) throw limit.reason;
    throw new NoHubError(String(error));
  }
  const document = new DOMParser().parseFromString(await answer.text(), "text/xml");
  const fault = document.querySelector("methodResponse > fault > value");
  if (fault) throw new RefusedByHubError(textAt(read(fault), "faultString") || "no reason given");
  const value = document.querySelector("methodResponse > params > param > value");
  if (!value) throw new NoHubError("what answers there is no SAMP hub");
  return read(value);
}

export interface Client {
  id: string;
  name: string;
  /** of those that were asked for, what it takes */
  mtypes: string[];
}

export interface Message extends Struct {
  "samp.mtype": string;
  "samp.params": Struct;
}

/** Of a pattern with * at its end (§3.8), or an MType. */
function takes(subscriptions: Struct, mtype: string): boolean {
  return Object.keys(subscriptions).some((one) => one === mtype || one === "*" || (one.endsWith(".*") && mtype.startsWith(one.slice(0, -1))));
}

/** A page that a hub knows. */
export class Connection {
  private constructor(
    private readonly address: string,
    private readonly key: string,
    readonly translator: string,
  ) {
    window.addEventListener("pagehide", () => navigator.sendBeacon(this.address, request("samp.webhub.unregister", [this.key])));
  }

  /** Asks a hub, which asks the person; NoHubError and RefusedByHubError say why it has not come to that. */
  static async open(name: string, about: Struct, signal: AbortSignal): Promise<Connection> {
    let missing: unknown;
    for (const address of HUBS) {
      try {
        await call(address, "samp.webhub.ping", [], AbortSignal.any([signal, AbortSignal.timeout(SHORT_MS)]));
      } catch (error) {
        if (signal.aborted) throw error;
        missing = error;
        continue;
      }
      const found = await call(address, "samp.webhub.register", [{ "samp.name": name }], AbortSignal.any([signal, AbortSignal.timeout(CONSENT_MS)]));
      const connection = new Connection(address, textAt(found, "samp.private-key"), textAt(found, "samp.url-translator"));
      await connection.ask("declareMetadata", [{ "samp.name": name, ...about }]);
      return connection;
    }
    throw missing instanceof NoHubError ? missing : new NoHubError("it does not answer");
  }

  ask(method: string, values: readonly Value[], limit_ms = SHORT_MS): Promise<Value> {
    return call(this.address, `samp.webhub.${method}`, [this.key, ...values], AbortSignal.timeout(limit_ms));
  }

  /** Who takes any of these. */
  async clients(mtypes: readonly string[]): Promise<Client[]> {
    const ids = await this.ask("getRegisteredClients", []);
    const found = await Promise.all(
      (Array.isArray(ids) ? ids : []).map(async (id) => {
        const [about, subscriptions] = await Promise.all([this.ask("getMetadata", [id]), this.ask("getSubscriptions", [id])]);
        return { id: String(id), name: textAt(about, "samp.name") || String(id), mtypes: mtypes.filter((one) => takes(struct(subscriptions), one)) };
      }),
    );
    return found.filter((client) => client.mtypes.length);
  }

  /** What a client says to a message: an empty text when all is well, else what is wrong. */
  async send(client: string, message: Message, limit_s: number): Promise<string> {
    const answer = await this.ask("callAndWait", [client, message, String(limit_s)], (limit_s + 10) * 1000);
    const status = textAt(answer, "samp.status");
    if (status === "samp.ok" || status === "samp.warning") return "";
    return textAt(struct(answer)["samp.error"], "samp.errortxt") || `it answered ${status || "nothing"}`;
  }

  /** Messages as they come once `ready` is called, until the signal; `take` says what is wrong with each, or nothing. */
  async listen(mtype: string, ready: () => void, take: (message: Message) => Promise<string>, signal: AbortSignal): Promise<void> {
    await this.ask("allowReverseCallbacks", ["1"]);
    await this.ask("declareSubscriptions", [{ [mtype]: {} }]);
    ready();
    while (!signal.aborted) {
      const started = performance.now();
      const calls = await this.ask("pullCallbacks", ["10"], 30_000);
      for (const one of Array.isArray(calls) ? calls : []) {
        const method = textAt(one, "samp.methodName");
        const [, ...rest] = (struct(one)["samp.params"] as Value[] | undefined) ?? [];
        const message = struct(rest.at(-1)) as Message;
        if (message["samp.mtype"] !== mtype) continue;
        const wrong = await take(message);
        // the Web Profile calls it samp.webclient.receiveCall (§5.2.7), the hub of astropy without what is before the last point
        if (!method.endsWith("receiveCall")) continue;
        const answer: Struct = wrong ? { "samp.status": "samp.error", "samp.error": { "samp.errortxt": wrong } } : { "samp.status": "samp.ok", "samp.result": {} };
        await this.ask("reply", [String(rest[0]), answer]);
      }
      // some hubs answer at once that there is nothing
      if (performance.now() - started < 1000) await new Promise((resolve) => setTimeout(resolve, 1000));
    }
    await this.ask("declareSubscriptions", [{}]);
  }

  /** Where the hub fetches for the page what lies on the reader's machine or on another site. */
  translated(address: string): string {
    return this.translator + encodeURIComponent(address);
  }
}
