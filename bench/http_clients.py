"""Many clients of a completions endpoint in one thread, cheap enough not to be what is measured: the CPUs that they use
are those that compute."""
import json
import select
import socket
import time

import figures


def body_of(prompt, tokens, seed, stream=True):
    body = {"model": "any", "prompt": prompt, "max_tokens": tokens, "seed": seed, "ignore_eos": True, "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return json.dumps(body).encode()


class Client:
    """One streamed completion: when it was sent, and every piece of the reply with the time at which it came."""

    def __init__(self, port, prompt, tokens, seed):
        body = body_of(prompt, tokens, seed)
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.pieces, self.sent = [], time.perf_counter()
        self.socket.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        self.socket.setblocking(False)

    def read(self):
        """False at the end."""
        piece = self.socket.recv(1 << 16)
        if piece:
            self.pieces.append((time.perf_counter(), piece))
        else:
            self.socket.close()
        return bool(piece)

    def begun(self):
        """The head and the first event, which says that the request was accepted, are followed by text."""
        return sum(piece.count(b"data: {") for _, piece in self.pieces[:4]) > 1

    def result(self):
        return {"sent": self.sent, **read_pieces(self.pieces)}


def read_pieces(pieces):
    """Of a whole reply, as it came: times of the events that carry text, and the usage that the last one says."""
    if b" 200 " not in b"".join(piece for _, piece in pieces[:2])[:40]:
        raise SystemExit("http: " + b"".join(piece for _, piece in pieces).decode(errors="replace")[:1000])
    times, usage, line = [], None, b""
    for when, piece in pieces:
        *lines, line = (line + piece).split(b"\n")
        for event in (json.loads(each[6:]) for each in lines if each.startswith(b"data: {")):
            times += [when] * any(choice.get("text") for choice in event.get("choices", []))
            usage = event.get("usage") or usage
    if not times or not usage:
        raise SystemExit("http: a stream without text or without usage")
    return {"times": times, "usage": usage}


def crowd(port, prompts, tokens, on_all_begun=None, on_first_end=None):
    """All prompts at once, each by a client of its own."""
    clients = {}
    poll = select.epoll()
    for seed, prompt in enumerate(prompts):
        client = Client(port, prompt, tokens, seed)
        clients[client.socket.fileno()] = client
        poll.register(client.socket, select.EPOLLIN)
    reading = dict(clients)
    while reading:
        for descriptor, _ in poll.poll():
            client = clients[descriptor]
            if client.read():
                continue
            if on_first_end:
                on_first_end()
            on_first_end = on_all_begun = None
            del reading[descriptor]
        if on_all_begun and all(client.begun() for client in clients.values()):
            on_all_begun()
            on_all_begun = None
    return [client.result() for client in clients.values()]


def load_figures(results):
    """What a round of clients amounts to."""
    first = [r["times"][0] - r["sent"] for r in results]
    gaps = [b - a for r in results for a, b in zip(r["times"], r["times"][1:])]
    begin, end = min(r["sent"] for r in results), max(r["times"][-1] for r in results)
    tokens = sum(r["usage"]["completion_tokens"] for r in results)
    return {"tokens": tokens, "tokens_per_second": tokens / (end - begin),
            "prompt_tokens": round(sum(r["usage"]["prompt_tokens"] for r in results) / len(results)),
            "first_token_p50_s": figures.quantile(first, 0.5), "first_token_p99_s": figures.quantile(first, 0.99),
            "gap_p50_s": figures.quantile(gaps, 0.5), "gap_p99_s": figures.quantile(gaps, 0.99),
            "gap_most_s": max(gaps)}
