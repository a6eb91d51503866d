package main

const help = `muxcall calls a method of a service, in muxkit's native protocol, JSON-RPC, tRPC or Thrift.

  muxcall [call] [flags] ADDRESS METHOD [BODY|@file|-]
  muxcall list [flags] ADDRESS [PREFIX]
  muxcall describe [flags] ADDRESS [METHOD]
  muxcall health [flags] ADDRESS [SERVICE]
  muxcall top [flags] URL
  muxcall completion bash|zsh|fish

ADDRESS is host:port, udp:host:port or unix:path. BODY is JSON, or bytes with -raw; @file is
what a file holds, - what stdin does. No BODY is {}, and with -raw nothing. Flags come first.

list prints the methods of a node that tells them (transport.ServiceDescribe; JSON-RPC: OpenRPC's
rpc.discover), a line each. describe tells of the node, or of one method what it takes, and how
it is called. top shows the nodes of an admin page (endpoint/admin), redrawn on a terminal, and
elsewhere one picture behind the other. completion prints a script for a shell to read.

Flags of all commands (of top those from -timeout on)
  -protocol P      native (default), jsonrpc (2.0), jsonrpc1 (1.0, as net/rpc), trpc, ttheader
                   (Kitex's, before Thrift's messages) or thrift (framed, without it)
  -timeout D       for a call, from its connection to its answer (default 10s; 0: none);
                   it travels to the service where the protocol can carry it; of list and
                   describe for each page
  -tls             TLS; each of the flags below asks for it as well
  -ca FILE         the authorities to trust, in PEM (default: the system's)
  -cert FILE       a certificate to show, in PEM, and
  -key FILE        its key
  -servername NAME the name that the node's certificate must have (default: ADDRESS's host)
  -insecure        do not verify the node's certificate

Flags of a call
  -raw             send BODY, and print the answer, as they are (tRPC: as protobuf; Thrift:
                   as the structs of arguments and result); on a terminal an answer is quoted
  -H name=value    metadata beside the body; may be repeated (also of list and describe; of
                   top a header)
  -oneway          ask for no answer
  -v               show the answer's metadata, on stderr (one call only)
  -n N             make N calls (default 1), and sum them up on stderr
  -c N             from N callers at once (default 1; with -rate 256)
  -conns N         over N connections (default 1)
  -rate R          a load: R calls a second, at random and whether or not others have been
                   answered, their answers dropped. Latency counts from when a call was due
  -duration D      for so long

Flags of health
  -watch           print each state when it begins, until interrupted: serving, not serving,
                   unknown (there is no such service), unreachable

Flags of top
  -interval D      between two pictures (default 2s)
  -n N             end after N pictures (default 0: when it is interrupted)

Answers go to stdout, one line of JSON each, all else to stderr. Of a call that failed it
says on which node, what failed, whose fault it is, whether it was sent, and what to look at.

Exit codes, of several calls that of the first that failed
  0    all is well; of health: serving
  1    the service answered with an error; of health: it is not serving, or not known; of
       list and describe: there is no description, or no such method
  2    the command line makes no sense, or the request cannot be made of it
  3    not sent: the node could not be reached; repeating does no harm
  4    the time was over; the call may have been run
  5    sent, and the connection was lost or the answer could not be read or written
  130  interrupted

Examples
  muxcall 127.0.0.1:8080 stringsvc.Count '{"s":"hello"}'
  muxcall -timeout 500ms -H tenant=blue 127.0.0.1:8080 stringsvc.Uppercase @request.json
  muxcall -protocol jsonrpc 127.0.0.1:4000 subtract '[42,23]'
  muxcall -protocol trpc 127.0.0.1:8000 /trpc.test.helloworld.Greeter/SayHello '{"msg":"hi"}'
  muxcall -protocol ttheader -raw 127.0.0.1:8888 Echo @arguments >result
  muxcall -ca ca.pem -cert me.pem -key me.key shop.internal:8443 shop.Order -  <order.json
  muxcall -n 1000 -c 16 127.0.0.1:8080 stringsvc.Count '{"s":"hello"}' >answers
  muxcall -rate 2000 -duration 30s 127.0.0.1:8080 stringsvc.Count '{"s":"hello"}'
  muxcall describe 127.0.0.1:8080 stringsvc.Count
  muxcall health 127.0.0.1:8080 && echo takes calls
  muxcall health -watch 127.0.0.1:8080 shop.Order
  muxcall top http://127.0.0.1:6060/debug/mux
  source <(muxcall completion bash)
`
