package endpoint

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/muxkit/muxkit/muxpool"
)

// ErrInstance: an instance string of the discovery system names no node.
var ErrInstance = errors.New("muxendpoint: bad instance")

// ParseNode reads an instance string as a discovery system gives it:
//
//	host:port, [v6]:port, v6:port   a TCP node
//	tcp://host:port                 the same; also tcp4:// and tcp6://
//	udp://host:port                 also udp4:// and udp6://
//	unix:///path/of/socket          also unix://relative and unix://@abstract
//
// Spellings of one address are one node: the case of the scheme and of a host's
// name does not matter, IP addresses are as package netip writes them (with their
// zone, and IPv4 addresses inside of IPv6 as IPv4), a port has no zeros in front,
// and a path no "//" and "/./". An IPv6 address without brackets, as Consul gives
// it, ends at the last colon: fd00::2:8080 is [fd00::2]:8080.
//
// A name keeps the dot at its end, since a resolver looks it up elsewhere without
// it; a Set counts both spellings as one node. A port is a number from 1 to 65535
// or the name of a service. Nothing is resolved. Every error wraps ErrInstance.
func ParseNode(instance string) (muxpool.Node, error) {
	network, address, ok := strings.Cut(instance, "://")
	if !ok {
		network, address = "tcp", instance
	}
	n, err := canonical(strings.ToLower(network), address)
	if err != nil {
		return muxpool.Node{}, fmt.Errorf("%w %s: %w", ErrInstance, quote(instance, maxText), err)
	}
	return n, nil
}

func canonical(network, address string) (n muxpool.Node, err error) {
	if strings.ContainsFunc(address, unseen) {
		return n, errors.New("the address has a space, or a character that does not print or is broken")
	}
	switch network {
	case "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6":
		address, err = canonicalHostPort(address)
	case "unix":
		address, err = canonicalPath(address)
	default:
		err = fmt.Errorf("network %s is none of tcp, udp, unix", quote(network, 32))
	}
	return muxpool.Node{Network: network, Address: address}, err
}

// unseen reports whether a reader of a log would not see r: such an address is somebody's mistake,
// or is meant to look like another.
func unseen(r rune) bool { return r == ' ' || r == utf8.RuneError || !strconv.IsPrint(r) }

// canonicalPath leaves alone what may lead elsewhere: "..", behind a link, and names of the
// abstract namespace.
func canonicalPath(p string) (string, error) {
	if p == "" {
		return "", errors.New("no path")
	}
	if p[0] == '@' || slices.Contains(strings.Split(p, "/"), "..") {
		return p, nil
	}
	clean := path.Clean(p)
	if clean[0] == '@' { // "./@x" is a file
		return "./" + clean, nil
	}
	return clean, nil
}

func canonicalHostPort(address string) (string, error) {
	host, port, err := splitHostPort(address)
	if err != nil {
		return "", err
	}
	if host, err = canonicalHost(host); err != nil {
		return "", err
	}
	if port, err = canonicalPort(port); err != nil {
		return "", err
	}
	return net.JoinHostPort(host, port), nil
}

// splitHostPort takes an IPv6 address also without its brackets.
func splitHostPort(address string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(address)
	if err == nil {
		return host, port, nil
	}
	if i := strings.LastIndexByte(address, ':'); i >= 0 && !strings.ContainsAny(address, "[]") {
		if ip, err := netip.ParseAddr(address[:i]); err == nil && ip.Is6() {
			return address[:i], address[i+1:], nil
		}
	}
	if e := (*net.AddrError)(nil); errors.As(err, &e) {
		err = errors.New(e.Err) // without the address, which the caller quotes
	}
	return "", "", err
}

func canonicalHost(host string) (string, error) {
	if host == "" {
		return "", errors.New("no host")
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String(), nil
	}
	if i := strings.IndexAny(host, "/\\:@?#%[]"); i >= 0 {
		return "", fmt.Errorf("%s in the host, which is neither a name nor an IP address", quote(host[i:i+1], 32))
	}
	if strings.Contains(host, ".") && strings.Trim(host, "0123456789.") == "" {
		return "", errors.New("the host is neither a name nor an IP address") // as 10.0.0.256, or 010.0.0.1
	}
	return lower(host), nil
}

func canonicalPort(port string) (string, error) {
	if port == "" {
		return "", errors.New("no port")
	}
	if strings.Trim(port, "0123456789") == "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return "", fmt.Errorf("port %s is not within 1 to 65535", quote(port, 32))
		}
		return strconv.FormatUint(n, 10), nil
	}
	if strings.ContainsFunc(port, notServiceName) || strings.Trim(port, "0123456789-") == "" || port[0] == '-' {
		return "", fmt.Errorf("port %s is neither a number nor the name of a service", quote(port, 32))
	}
	return lower(port), nil
}

// lower is s with the letters of ASCII small: those of which names do not tell the case.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// notServiceName reports whether r is no letter of a service name (RFC 6335).
func notServiceName(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-':
		return false
	}
	return true
}
