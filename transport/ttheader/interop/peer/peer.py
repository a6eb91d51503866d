#!/usr/bin/env python3
"""Apache Thrift's Python library as it comes, driven by the tests: a TThreadedServer or
clients, framed, in the binary protocol. It ends with its standard input, so that it never
outlives them."""

import json
import os
import queue
import sys
import threading

from thrift.protocol import TBinaryProtocol
from thrift.server import TServer
from thrift.Thrift import TApplicationException, TMessageType, TType
from thrift.transport import TSocket, TTransport

PEER_IN, PEER_OUT = 3, 4


def read_text(p, field):
    """Reads what Thrift's compiler makes of a struct with a text in one field."""
    text = None
    p.readStructBegin()
    while True:
        _, kind, number = p.readFieldBegin()
        if kind == TType.STOP:
            break
        if kind == TType.STRING and number == field:
            text = p.readString()
        else:
            p.skip(kind)
        p.readFieldEnd()
    p.readStructEnd()
    return text


def write_text(p, field, text):
    p.writeStructBegin("text")
    if text is not None:
        p.writeFieldBegin("text", TType.STRING, field)
        p.writeString(text)
        p.writeFieldEnd()
    p.writeFieldStop()
    p.writeStructEnd()


class Gates:
    """Where calls meet that have the same key."""

    def __init__(self):
        self.lock, self.by_key = threading.Lock(), {}

    def of(self, key):
        with self.lock:
            return self.by_key.setdefault(key, (threading.Event(), threading.Event()))


gates = Gates()


def hold(key):
    arrived, release = gates.of(key)
    arrived.set()
    release.wait()
    return key


def arrived(key):
    gates.of(key)[0].wait()
    return key


def release(key):
    gates.of(key)[1].set()
    return key


def note(key):
    gates.of(key)[0].set()


def exception(text):
    raise TApplicationException(int(text), "exception " + text)


def plain(text):
    raise ValueError("plain " + text)


METHODS = {
    "Echo": lambda text: text, "Hold": hold, "Arrived": arrived, "Release": release,
    "Note": note, "Exception": exception, "Plain": plain,
}


class Processor:
    """What Thrift's compiler makes of the IDL."""

    def process(self, iprot, oprot):
        name, kind, seqid = iprot.readMessageBegin()
        method = METHODS.get(name)
        if method is None:
            iprot.skip(TType.STRUCT)
            iprot.readMessageEnd()
            failed = TApplicationException(TApplicationException.UNKNOWN_METHOD, "Unknown function %s" % name)
            self.reply(oprot, name, TMessageType.EXCEPTION, seqid, failed.write)
            return True
        text = read_text(iprot, 1)
        iprot.readMessageEnd()
        try:
            result = method(text)
            answer, write = TMessageType.REPLY, lambda p: write_text(p, 0, result)
        except TApplicationException as e:
            answer, write = TMessageType.EXCEPTION, e.write
        except Exception:
            failed = TApplicationException(TApplicationException.INTERNAL_ERROR, "Internal error")
            answer, write = TMessageType.EXCEPTION, failed.write
        if kind != TMessageType.ONEWAY:
            self.reply(oprot, name, answer, seqid, write)
        return True

    def reply(self, oprot, name, kind, seqid, write):
        oprot.writeMessageBegin(name, kind, seqid)
        write(oprot)
        oprot.writeMessageEnd()
        oprot.trans.flush()


class Listening(TSocket.TServerSocket):
    """Tells its address to the tests."""

    def listen(self):
        super().listen()
        host, port = self.handle.getsockname()[:2]
        os.write(PEER_OUT, ("%s:%d\n" % (host, port)).encode())


def serve(address):
    host, port = address.rsplit(":", 1)
    server = TServer.TThreadedServer(
        Processor(), Listening(host=host, port=int(port)),
        TTransport.TFramedTransportFactory(), TBinaryProtocol.TBinaryProtocolFactory())
    server.daemon = True
    server.serve()


MOST_CONNECTIONS = 64
places = threading.Semaphore(MOST_CONNECTIONS)
free = queue.SimpleQueue()
outcomes = threading.Lock()


def connect(address):
    try:
        return free.get_nowait()
    except queue.Empty:
        pass
    host, port = address.rsplit(":", 1)
    sock = TSocket.TSocket(host, int(port))
    sock.open()
    return sock, TBinaryProtocol.TBinaryProtocol(TTransport.TFramedTransport(sock))


def carry_out(order):
    """Makes a call as generated clients do: their sequence ids are all 0."""
    out = {"Text": "", "Failed": False, "Kind": "", "Code": 0, "Message": ""}
    try:
        sock, p = connect(order["Address"])
    except Exception as e:
        out.update(Failed=True, Kind="other", Message=repr(e))
        return out
    one_way = order["Method"] == "Note"
    try:
        sock.setTimeout(order["TimeoutMS"] or None)
        p.writeMessageBegin(order["Method"], TMessageType.ONEWAY if one_way else TMessageType.CALL, 0)
        write_text(p, 1, order["Text"])
        p.writeMessageEnd()
        p.trans.flush()
        if not one_way:
            name, kind, seqid = p.readMessageBegin()
            if kind == TMessageType.EXCEPTION:
                failed = TApplicationException()
                failed.read(p)
                out.update(Failed=True, Kind="exception", Code=failed.type, Message=failed.message or "")
            else:
                out["Text"] = read_text(p, 0) or ""
            p.readMessageEnd()
            if kind == TMessageType.REPLY and (name, seqid) != (order["Method"], 0):
                out.update(Failed=True, Kind="other", Message="an answer to %s, %d" % (name, seqid))
    except Exception as e:
        sock.close()
        out.update(Failed=True, Kind="other", Message=repr(e))
        return out
    free.put((sock, p))
    return out


def run(numbered, stream):
    with places:
        out = carry_out(numbered["Order"])
    with outcomes:
        stream.write(json.dumps({"ID": numbered["ID"], "Outcome": out}) + "\n")
        stream.flush()


def call():
    threading.stack_size(256 * 1024)
    with os.fdopen(PEER_IN) as orders, os.fdopen(PEER_OUT, "w") as stream:
        for line in orders:
            threading.Thread(target=run, args=(json.loads(line), stream), daemon=True).start()
    os._exit(0)


def end_with_input():
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=end_with_input, daemon=True).start()
    if sys.argv[1:2] == ["-server"]:
        serve(sys.argv[2])
    else:
        call()
