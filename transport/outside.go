package transport

import (
	"crypto/x509"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/muxpool"
	"github.com/muxkit/muxkit/muxpool/verdict"
)

// outside is what the caller of a server is told of an error: its text, within bounds, and if
// that is of a call from here to elsewhere, without the names and addresses of who was called,
// which are nobody's business out there. A ServerErrorEncoder may tell them.
func outside(err error) string {
	said := err.Error()
	for _, name := range places(err, said) {
		said = text.Without(said, name)
	}
	return text.Cut(said, maxMessage) // who shows it quotes it
}

// places are the names and addresses in the text of err that are those of other nodes, the
// longer ones first; none if err is not of a call to elsewhere.
func places(err error, said string) (names []string) {
	names, elsewhere := known(err, 0)
	if !elsewhere {
		return nil
	}
	for _, word := range strings.Fields(said) { // those of errors that tell them in their text alone
		if word = strings.TrimLeft(strings.TrimRight(word, `.,;:)]"'`), `("'`); isPlace(word) {
			names = append(names, word)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return len(b) - len(a) })
	return names
}

// isPlace reports whether a word names a node, or is an address with a port.
func isPlace(word string) bool {
	network, address, ok := strings.Cut(word, "://")
	if ok && address != "" {
		return network == "unix" || strings.HasPrefix(network, "tcp") || strings.HasPrefix(network, "udp")
	}
	host, port, err := net.SplitHostPort(word)
	if err != nil || host == "" {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil && (strings.ContainsAny(host, ".:") || host == "localhost")
}

// known collects the places that the errors of a chain have in fields, and reports whether one
// of them is that of a call to elsewhere.
func known(err error, depth int) (names []string, elsewhere bool) {
	if err == nil || depth > maxChain {
		return nil, false
	}
	switch e := err.(type) {
	case *Error:
		if elsewhere = chosen(e) == nil; elsewhere {
			names = append(names, e.Node.String())
		}
	case *muxpool.Error:
		names, elsewhere = append(names, e.Node.String()), true
	case *net.OpError:
		elsewhere = true
		if e.Addr != nil {
			names = append(names, e.Addr.String())
			if e.Source != nil {
				names = append(names, e.Source.String(), e.Source.String()+"->"+e.Addr.String())
			}
		}
	case *net.DNSError:
		names, elsewhere = append(names, e.Name, e.Server), true
	case x509.HostnameError:
		names, elsewhere = append(names, e.Host), true
		if e.Certificate != nil {
			names = append(names, e.Certificate.DNSNames...)
		}
	case verdict.Teller: // of a breaker, of a Set, ...
		elsewhere = true
	}
	var causes []error
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		causes = []error{u.Unwrap()}
	case interface{ Unwrap() []error }:
		causes = u.Unwrap()
	}
	for _, c := range causes {
		more, also := known(c, depth+1)
		names, elsewhere = append(names, more...), elsewhere || also
	}
	return names, elsewhere
}

// maxChain bounds a chain that never ends.
const maxChain = 100
