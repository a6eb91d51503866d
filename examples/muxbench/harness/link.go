package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// A link of LinkRate, for the network Link: two network namespaces, joined by a pair of
// virtual devices, each of which sends through a token bucket.
//
//	[server: SERVER address] va tbf <---> tbf vb [client]

const (
	LinkRate   = "800mbit"
	linkServer = "10.77.0.1"
	linkClient = "10.77.0.2"
)

type link struct{ server, client string } // names of the namespaces

// linkCommands make a link.
const linkCommands = `
ip netns add SERVER
ip netns add CLIENT
ip link add va netns SERVER type veth peer name vb netns CLIENT
ip -n SERVER addr add ` + linkServer + `/30 dev va
ip -n CLIENT addr add ` + linkClient + `/30 dev vb
ip -n SERVER link set va up
ip -n CLIENT link set vb up
tc -n SERVER qdisc add dev va root tbf rate ` + LinkRate + ` burst 128kb latency 50ms
tc -n CLIENT qdisc add dev vb root tbf rate ` + LinkRate + ` burst 128kb latency 50ms`

// newLink makes the namespaces; remove ends them.
func newLink() (*link, error) {
	if err := noLink(); err != nil {
		return nil, err
	}
	l := &link{fmt.Sprintf("muxbench%ds", os.Getpid()), fmt.Sprintf("muxbench%dc", os.Getpid())}
	names := strings.NewReplacer("SERVER", l.server, "CLIENT", l.client)
	for line := range strings.Lines(strings.TrimSpace(names.Replace(linkCommands))) {
		if err := command(strings.Fields(line)...); err != nil {
			return nil, errors.Join(err, l.remove())
		}
	}
	return l, nil
}

// remove ends the namespaces, and with them the devices.
func (l *link) remove() error {
	if l == nil {
		return nil
	}
	return errors.Join(command("ip", "netns", "del", l.server), command("ip", "netns", "del", l.client))
}

// noLink says why this process cannot make a link; nil if it can.
func noLink() error {
	for _, program := range []string{"ip", "tc"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("a link of %s needs the program %s (of iproute2)", LinkRate, program)
		}
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("a link of %s needs root, for network namespaces", LinkRate)
	}
	return nil
}

// onLink places server and client at the ends of the link.
func (b *Bench) onLink(job *Job, server, client *place) error {
	if b.link == nil {
		var err error
		if b.link, err = newLink(); err != nil {
			return err
		}
	}
	job.Env.Host = linkServer
	server.namespace, client.namespace = b.link.server, b.link.client
	return nil
}

// possible returns the cells that can be measured here, and says of each other why not.
func (b *Bench) possible(cells []Cell) (can []Cell, leftOut []string) {
	unlinked := noLink()
	for _, c := range cells {
		switch {
		case c.Net == Link && unlinked != nil:
			leftOut = append(leftOut, fmt.Sprintf("%v: %v", c, unlinked))
		case strings.HasSuffix(c.Entry, OfOther) && b.Other == "":
			leftOut = append(leftOut, fmt.Sprintf("%v: no program of another commit was given", c))
		default:
			can = append(can, c)
		}
	}
	return can, leftOut
}

func command(words ...string) error {
	if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(words, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
