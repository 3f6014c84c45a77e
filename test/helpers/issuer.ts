import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { IssuerTokens, type Issued } from './issuer-tokens.ts';

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

export interface HoldOptions {
  /** 'arrival': nothing has happened yet. 'answer': the tokens are rotated and only the answer is held back. */
  at?: 'arrival' | 'answer';
  /** How many requests wait; later ones pass. All when absent. */
  requests?: number;
}

/** Requests that wait. It holds those that come until it is released or dropped; then all pass. */
export class Hold {
  readonly at: 'arrival' | 'answer';
  /** How many wait. */
  waiting = 0;
  #free: number;
  readonly #arrived = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<'released' | 'dropped'>();

  constructor({ at = 'arrival', requests = Infinity }: HoldOptions) {
    this.at = at;
    this.#free = requests;
  }

  /** Resolves when the first request waits. */
  get arrived(): Promise<void> {
    return this.#arrived.promise;
  }

  /** Lets them go on, also those whose sender is gone: what has reached an issuer is carried out. */
  release(): void {
    this.#end('released');
  }

  /** Cuts their connections: requests lost on their way, or, held at the answer, answers lost on theirs. */
  drop(): void {
    this.#end('dropped');
  }

  /** Takes a place for a request, if there is one. */
  takes(): boolean {
    return this.#free-- > 0;
  }

  async wait(): Promise<'released' | 'dropped'> {
    this.waiting += 1;
    this.#arrived.resolve();
    const how = await this.#ended.promise;
    this.waiting -= 1;
    return how;
  }

  #end(how: 'released' | 'dropped'): void {
    this.#free = 0;
    this.#ended.resolve(how);
  }
}

/** An OAuth issuer on 127.0.0.1: `POST /token` refreshes, `GET /api` takes an access token. */
export class Issuer implements AsyncDisposable {
  /** The refresh token of every request, in order of arrival; empty for a request that had none. */
  readonly requests: string[] = [];
  /** Refresh tokens that were presented after they were used up. */
  readonly reused: string[] = [];
  /** Refreshes that gave tokens. */
  refreshes = 0;
  /** Answers 500, and changes nothing. */
  failing = false;
  /** Answers without a refresh token; the one that was presented stays good. */
  omitRefreshToken = false;
  /** Life of the next access tokens in seconds, as the answer says; without it, it says none and they do not end. */
  expiresIn: number | undefined = 3600;
  readonly #tokens = new IssuerTokens();
  readonly #holds: Hold[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
  }

  static async listen(): Promise<Issuer> {
    const issuer = new Issuer();
    issuer.#server.listen(0, '127.0.0.1');
    await once(issuer.#server, 'listening');
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The tokens of a new login; a life that is not above 0 makes an access token that has ended. */
  issue({ lifetimeMs = 3_600_000 }: { lifetimeMs?: number } = {}): Issued {
    return this.#tokens.issue(lifetimeMs);
  }

  /** Ends an access token before its time. */
  revoke(accessToken: string): void {
    this.#tokens.revoke(accessToken);
  }

  /** Holds the requests that come from now on; those of an earlier hold still wait for that one. */
  hold(options: HoldOptions = {}): Hold {
    const hold = new Hold(options);
    this.#holds.unshift(hold);
    return hold;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'GET' && request.url === '/api') {
      const accessToken = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
      return send(
        response,
        this.#tokens.isLive(accessToken) ? { status: 200, body: { ok: true } } : refuse(401, 'invalid_token'),
      );
    }
    const form = new URLSearchParams(await text(request));
    if (request.method !== 'POST' || request.url !== '/token') return send(response, refuse(404, 'not_found'));
    const refreshToken = form.get('refresh_token') ?? '';
    this.requests.push(refreshToken);
    const hold = this.#holds.find((one) => one.takes());
    if (hold?.at === 'arrival' && (await hold.wait()) === 'dropped') return void response.destroy();
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true;
    const answer = isForm ? this.#answer(refreshToken, form.get('grant_type')) : refuse(400, 'invalid_request');
    if (hold?.at === 'answer' && (await hold.wait()) === 'dropped') return void response.destroy();
    send(response, answer);
  }

  /** Runs without a pause, so requests are carried out one after the other. */
  #answer(refreshToken: string, grantType: string | null): Answer {
    if (this.failing) return refuse(500, 'server_error');
    if (grantType !== 'refresh_token') return refuse(400, 'unsupported_grant_type');
    if (refreshToken === '') return refuse(400, 'invalid_request');
    const tokens = this.#tokens.refresh(refreshToken, (this.expiresIn ?? Infinity) * 1000, this.omitRefreshToken);
    if (tokens === 'used') this.reused.push(refreshToken);
    if (typeof tokens === 'string') return refuse(400, 'invalid_grant');
    this.refreshes += 1;
    return {
      status: 200,
      body: {
        access_token: tokens.accessToken,
        token_type: 'Bearer',
        expires_in: this.expiresIn,
        ...(!this.omitRefreshToken && { refresh_token: tokens.refreshToken }),
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const hold of this.#holds) hold.drop();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

const refuse = (status: number, error: string): Answer => ({ status, body: { error } });

function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
