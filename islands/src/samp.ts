// Buttons that send what a page has to programs on the reader's machine (SAMP, Web Profile), and one that takes a table from them.
// An element with data-samp="table|cdf|fits|spectrum", data-url and data-name (data-id, if it has an identifier) becomes
// a button, whenever it comes into the page. Nobody is asked anything before a button is pressed.

import { button, make } from "./dom";
import { Connection, HUB, NoHubError, RefusedByHubError, textAt } from "./hub";
import type { Client, Message, Struct } from "./hub";

/** What programs may take, the first being what most do. */
const MTYPES: Record<string, readonly string[]> = {
  table: ["table.load.votable"],
  cdf: ["table.load.cdf"],
  fits: ["table.load.fits", "image.load.fits"],
  spectrum: ["spectrum.load.ssa-generic"],
};
const WORDS: Record<string, string> = { table: "tables", cdf: "CDF files", fits: "FITS files", spectrum: "spectra" };
const ANSWER_S = 60;

let connected: Promise<Connection> | null = null;

function connection(signal: AbortSignal): Promise<Connection> {
  const about: Struct = { "samp.description.text": document.title, "samp.documentation.url": document.baseURI, "samp.icon.url": icon() };
  connected ??= Connection.open(siteName(), about, signal).catch((error: unknown) => {
    connected = null;
    throw error;
  });
  return connected;
}

function siteName(): string {
  return document.querySelector(".brand")?.textContent?.trim() || location.host;
}

function icon(): string {
  return document.querySelector<HTMLLinkElement>("link[rel=icon]")?.href ?? "";
}

/** What went wrong, in words that say what to do. */
function reason(error: unknown): (Node | string)[] {
  if (error instanceof NoHubError) {
    const isSecure = location.protocol === "https:";
    return [
      `No SAMP hub answers at ${HUB} on this machine. Start TOPCAT, Aladin or Autoplot and try again`,
      isSecure
        ? ". If one runs, the browser keeps this page from it: the page came over https, a hub speaks http. Allow the page to reach the local network if the browser asks, use Firefox or Chromium (Safari never allows it), or take the address by hand."
        : ", or take the address by hand.",
    ];
  }
  if (error instanceof RefusedByHubError) return [`The hub refuses: ${error.message}. Press the button again and allow it in the hub's window.`];
  if (error instanceof DOMException && error.name === "TimeoutError") return ["There was no answer in time: a window of the hub may still ask whether this page is welcome."];
  if (error instanceof DOMException && error.name === "AbortError") return ["Given up."];
  return [`It did not work: ${String(error)}.`];
}

class Sender {
  private readonly panel = make("span", { class: "samp-panel", role: "status" });
  private readonly opener: HTMLButtonElement;

  constructor(private readonly place: HTMLElement) {
    const label = this.place.dataset["label"] ?? "Send to …";
    this.opener = button(label, () => void this.open(), { class: "small", "aria-expanded": "false", title: `Send ${this.name} to TOPCAT, Aladin, Autoplot or another program on this machine (SAMP)` });
    this.place.replaceChildren(this.opener, this.panel);
    this.place.classList.add("samp");
    this.place.hidden = false;
  }

  private get kind(): string {
    return this.place.dataset["samp"] ?? "";
  }

  private get name(): string {
    return this.place.dataset["name"] || document.title;
  }

  private get url(): string {
    return new URL(this.place.dataset["url"] ?? "", document.baseURI).href;
  }

  private say(...said: (Node | string)[]): void {
    this.opener.setAttribute("aria-expanded", String(said.length > 0));
    this.panel.replaceChildren(...said);
  }

  private async open(): Promise<void> {
    if (this.opener.getAttribute("aria-expanded") === "true") return this.say();
    const given = new AbortController();
    const mtypes = MTYPES[this.kind] ?? [];
    this.say("Asking the SAMP hub; it may ask you in a window of its own whether this page is welcome. ", button("Cancel", () => given.abort(), { class: "small" }));
    try {
      const hub = await connection(given.signal);
      const clients = await hub.clients(mtypes);
      if (clients.length) this.offer(hub, clients);
      else this.say(`There is a hub, but no program that takes ${WORDS[this.kind]} (${mtypes.join(", ")}). Start one and press again. `, this.address());
    } catch (error) {
      connected = null; // the hub may be another the next time
      this.say(...reason(error), " ", this.address());
    }
  }

  private offer(hub: Connection, clients: readonly Client[]): void {
    const choices = clients.flatMap((client) =>
      client.mtypes.map((mtype) => button(client.mtypes.length > 1 ? `${client.name} (${mtype.split(".")[0]})` : client.name, () => void this.send(hub, [client], mtype), { class: "small" })),
    );
    if (clients.length > 1) choices.push(button(`All ${clients.length}`, () => void this.send(hub, clients), { class: "small" }));
    this.say(...choices);
  }

  private async send(hub: Connection, clients: readonly Client[], chosen?: string): Promise<void> {
    this.say(`Sent to ${clients.map((client) => client.name).join(", ")}; waiting for an answer …`);
    const said = await Promise.all(
      clients.map(async (client) => {
        try {
          const wrong = await hub.send(client.id, this.message(chosen ?? client.mtypes[0] ?? ""), ANSWER_S);
          return wrong ? `${client.name} could not load it: ${wrong}.` : `${client.name} has loaded it.`;
        } catch (error) {
          const isLate = error instanceof DOMException && error.name === "TimeoutError";
          if (!isLate) connected = null;
          return `${client.name} has not answered${isLate ? ` in ${ANSWER_S} s and may still be loading` : `: ${String(error)}`}.`;
        }
      }),
    );
    this.say(`${said.join(" ")} `, button("Send again", () => this.reopen(), { class: "small" }));
  }

  private reopen(): void {
    this.say();
    void this.open();
  }

  private message(mtype: string): Message {
    const id = this.place.dataset["id"] || this.url;
    const params: Struct = { url: this.url, name: this.name };
    if (this.kind === "spectrum") {
      params["spectrum-id"] = id;
      params["meta"] = { "Access.Reference": this.url, "DataID.Title": this.name };
    } else params[mtype.startsWith("image") ? "image-id" : "table-id"] = id;
    return { "samp.mtype": mtype, "samp.params": params };
  }

  /** For a program that has no hub. */
  private address(): HTMLElement {
    const copy = button("Copy", () => void navigator.clipboard.writeText(this.url).then(() => (copy.textContent = "Copied")), { class: "small" });
    return make("span", { class: "samp-address" }, "Address: ", make("code", {}, this.url), " ", copy);
  }
}

/** The button beside a field for files (data-samp-receive has its id): a table that a program sends becomes the chosen file. */
class Receiver {
  private readonly panel = make("span", { class: "samp-panel", role: "status" });
  private readonly opener: HTMLButtonElement;
  private stop: AbortController | null = null;

  constructor(private readonly place: HTMLElement) {
    this.opener = button("Take a table from TOPCAT …", () => void this.toggle(), { class: "small" });
    this.place.replaceChildren(this.opener, this.panel);
    this.place.classList.add("samp");
    this.place.hidden = false;
  }

  private async toggle(): Promise<void> {
    if (this.stop) {
      this.stop.abort();
      return this.stopped("");
    }
    const stop = (this.stop = new AbortController());
    this.opener.textContent = "Take no more";
    this.panel.replaceChildren("Asking the SAMP hub; it may ask you in a window of its own whether this page is welcome.");
    try {
      const hub = await connection(stop.signal);
      const ready = (): void => this.panel.replaceChildren(`Waiting: send a table to “${siteName()}” from the other program (TOPCAT: Interop > Send table to).`);
      await hub.listen("table.load.votable", ready, (message) => this.take(hub, message), stop.signal);
    } catch (error) {
      if (this.stop !== stop) return;
      connected = null;
      this.stopped(...reason(error));
    }
  }

  private stopped(...said: (Node | string)[]): void {
    this.stop = null;
    this.opener.textContent = "Take a table from TOPCAT …";
    this.panel.replaceChildren(...said);
  }

  /** Fetched by this browser through the hub, never by the service: the address means something on this machine only. */
  private async take(hub: Connection, message: Message): Promise<string> {
    const params = message["samp.params"];
    const name = textAt(params, "name") || "table";
    try {
      const answer = await fetch(hub.translated(textAt(params, "url")));
      if (!answer.ok) throw new Error(`the hub answers ${answer.status} for it`);
      const content = await answer.blob();
      const most = Number(this.place.dataset["mostBytes"]);
      if (most && content.size > most) throw new Error(`it has ${content.size.toLocaleString("en")} bytes, and a query takes ${most.toLocaleString("en")}`);
      const field = document.getElementById(this.place.dataset["sampReceive"] ?? "") as HTMLInputElement;
      const chosen = new DataTransfer();
      chosen.items.add(new File([content], `${name.replace(/[^\w.-]+/g, "_").slice(0, 60)}.vot`, { type: "application/x-votable+xml" }));
      field.files = chosen.files;
      field.dispatchEvent(new Event("change", { bubbles: true }));
      this.panel.replaceChildren(`“${name}” has come (${content.size.toLocaleString("en")} bytes) and goes with the query.`);
      return "";
    } catch (error) {
      const wrong = `“${name}” could not be taken: ${error instanceof Error ? error.message : String(error)}`;
      this.panel.replaceChildren(`${wrong}.`);
      return wrong;
    }
  }
}

function equip(root: ParentNode): void {
  for (const place of root.querySelectorAll<HTMLElement>("[data-samp]:not(.samp)")) {
    if (MTYPES[place.dataset["samp"] ?? ""]) new Sender(place);
  }
  for (const place of root.querySelectorAll<HTMLElement>("[data-samp-receive]:not(.samp)")) new Receiver(place);
}

equip(document);
new MutationObserver((changes) => {
  if (changes.some((change) => [...change.addedNodes].some((node) => node instanceof HTMLElement))) equip(document);
}).observe(document.body, { childList: true, subtree: true });
