package endpoint

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/muxkit/muxkit/muxpool"
)

// ErrInstance: an instance string of the discovery system names no node.
var ErrInstance = errors.New("muxendpoint: bad instance")

// ParseNode reads an instance string as a discovery system gives it:
//
//	host:port, [v6]:port            a TCP node
//	tcp://host:port                 the same; also tcp4:// and tcp6://
//	udp://host:port                 also udp4:// and udp6://
//	unix:///path/of/socket          also unix://relative and unix://@abstract
//
// The scheme's case does not matter. A port is a number from 1 to 65535 or the
// name of a service. Nothing is resolved. Every error wraps ErrInstance.
func ParseNode(instance string) (muxpool.Node, error) {
	network, address, ok := strings.Cut(instance, "://")
	if !ok {
		network, address = "tcp", instance
	}
	n := muxpool.Node{Network: strings.ToLower(network), Address: address}
	if err := checkNode(n); err != nil {
		return muxpool.Node{}, fmt.Errorf("%w %s: %w", ErrInstance, quote(instance, maxText), err)
	}
	return n, nil
}

func checkNode(n muxpool.Node) error {
	if strings.ContainsFunc(n.Address, func(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd }) {
		return errors.New("the address has a space, a control character or a broken one")
	}
	switch n.Network {
	case "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6":
		return checkHostPort(n.Address)
	case "unix":
		if n.Address == "" {
			return errors.New("no path")
		}
		return nil
	}
	return fmt.Errorf("network %s is none of tcp, udp, unix", quote(n.Network, 32))
}

func checkHostPort(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		if e := (*net.AddrError)(nil); errors.As(err, &e) {
			return errors.New(e.Err) // without the address, which the caller quotes
		}
		return err
	}
	if host == "" {
		return errors.New("no host")
	}
	if port == "" {
		return errors.New("no port")
	}
	if n, err := strconv.Atoi(port); err == nil {
		if n < 1 || n > 65535 {
			return fmt.Errorf("port %s is not within 1 to 65535", quote(port, 32))
		}
		return nil
	}
	if strings.ContainsFunc(port, notServiceName) {
		return fmt.Errorf("port %s is neither a number nor the name of a service", quote(port, 32))
	}
	return nil
}

// notServiceName reports whether r is no letter of a service name (RFC 6335).
func notServiceName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
		return false
	}
	return true
}
