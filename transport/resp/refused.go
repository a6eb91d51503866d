package resp

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/muxkit/muxkit/transport"
)

// Why a command may not travel on a connection that others share.
const (
	whySession = "it changes what its connection does, which others share"
	whyReplies = "it is not answered by one reply, so that all answers behind it would be given to the wrong calls"
	whyBlocks  = "it waits on the server, and all behind it on its connection wait with it (see Protocol.Blocking)"
	whyGreeted = "the handshake does it (see the fields of Protocol)"
)

// refusals are commands that are refused; a word behind the name is its first argument.
var refusals = func() map[string]string {
	all := make(map[string]string)
	for why, commands := range map[string]string{
		whySession: "MULTI,EXEC,DISCARD,WATCH,UNWATCH,ASKING,READONLY,READWRITE,RESET,QUIT," +
			"CLIENT TRACKING,CLIENT CACHING,CLIENT NO-EVICT,CLIENT NO-TOUCH,SCRIPT DEBUG",
		whyReplies: "SUBSCRIBE,PSUBSCRIBE,SSUBSCRIBE,UNSUBSCRIBE,PUNSUBSCRIBE,SUNSUBSCRIBE,MONITOR,SYNC,PSYNC,REPLCONF,CLIENT REPLY",
		whyBlocks:  "BLPOP,BRPOP,BRPOPLPUSH,BLMOVE,BLMPOP,BZPOPMIN,BZPOPMAX,BZMPOP,WAIT,WAITAOF",
		whyGreeted: "HELLO,AUTH,SELECT,CLIENT SETNAME,CLIENT SETINFO",
	} {
		for _, c := range strings.Split(commands, ",") {
			all[c] = why
		}
	}
	return all
}()

// check refuses what is not exactly one command, and commands that may not travel.
func (p Protocol) check(body []byte) error {
	name, first, err := words(body)
	if err != nil {
		return err
	}
	var upper [64]byte
	command := appendUpper(upper[:0], name)
	why := refusals[string(command)]
	if bytes.HasPrefix(command, []byte("X")) && (string(command) == "XREAD" || string(command) == "XREADGROUP") && blocks(body) {
		why = whyBlocks
	}
	if why == "" {
		why = refusals[string(appendUpper(append(command, ' '), first))]
	}
	if why == "" || why == whyBlocks && p.Blocking {
		return nil
	}
	shown := strings.ToUpper(string(name))
	if _, alone := refusals[shown]; !alone && why != whyBlocks {
		shown += " " + strings.ToUpper(string(first))
	}
	return &transport.Error{Code: transport.CodeInvalidArgument, Message: fmt.Sprintf("resp: %s is refused: %s", shown, why)}
}

// longestRefused is how long the words of a refused command are at most.
const longestRefused = 16

func appendUpper(dst, word []byte) []byte {
	if len(word) > longestRefused {
		return append(dst, '?')
	}
	for _, c := range word {
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

var errNoCommand = &transport.Error{Code: transport.CodeInvalidArgument, Message: "resp: the body is not one command, an array of bulk strings as Cmd makes it"}

// words returns the first two words of a body, which is one command and nothing else: two would
// be answered twice.
func words(body []byte) (name, first []byte, err error) {
	line, rest := cutLine(body, '*')
	n, err := length(line, maxElements)
	if err != nil || n == 0 {
		return nil, nil, errNoCommand
	}
	for i := range n {
		var word []byte
		var ok bool
		if word, rest, ok = cutWord(rest); !ok {
			return nil, nil, errNoCommand
		}
		switch i {
		case 0:
			name = word
		case 1:
			first = word
		}
	}
	if len(rest) > 0 || len(name) == 0 {
		return nil, nil, errNoCommand
	}
	return name, first, nil
}

// blocks reports whether a command, which words has taken, has the word BLOCK before STREAMS,
// and not as a name behind GROUP.
func blocks(body []byte) bool {
	_, rest := cutLine(body, '*')
	for word, rest, ok := cutWord(rest); ok; word, rest, ok = cutWord(rest) {
		switch {
		case bytes.EqualFold(word, []byte("GROUP")): // a group and a consumer, of any names
			_, rest, _ = cutWord(rest)
			_, rest, _ = cutWord(rest)
		case bytes.EqualFold(word, []byte("BLOCK")):
			return true
		case bytes.EqualFold(word, []byte("STREAMS")):
			return false
		}
	}
	return false
}

func cutWord(b []byte) (word, rest []byte, ok bool) {
	line, rest := cutLine(b, '$')
	n, err := length(line, len(rest))
	if err != nil || len(rest) < n+2 || rest[n] != '\r' || rest[n+1] != '\n' {
		return nil, nil, false
	}
	return rest[:n], rest[n+2:], true
}

// cutLine cuts off a line that begins with kind, and tells what it says: nothing, if it is none.
func cutLine(b []byte, kind byte) (line, rest []byte) {
	end := bytes.IndexByte(b[:min(len(b), maxNumber)], '\n')
	if end < 2 || b[0] != kind || b[end-1] != '\r' {
		return nil, nil
	}
	return b[1 : end-1], b[end+1:]
}
