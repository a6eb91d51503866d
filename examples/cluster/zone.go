package main

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"strings"
)

// zone is where processes run that share a fate: they reach those of the other zone over one
// wire.
type zone struct {
	name, host string
	thread     *thread // its own network; nil: it has none
	ports      int     // that were given away, where the network is its own
}

// free is an address that is free for a process to serve at.
func (z *zone) free() (string, error) {
	if z.thread != nil {
		z.ports++
		return net.JoinHostPort(z.host, fmt.Sprint(7000+z.ports)), nil
	}
	l, err := net.Listen("tcp", net.JoinHostPort(z.host, "0"))
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start starts a process in the zone.
func (z *zone) start(cmd *exec.Cmd) error {
	if z.thread == nil {
		return cmd.Start()
	}
	return z.thread.do(cmd.Start)
}

// system runs a command in the zone; its words are separated by spaces.
func (z *zone) system(command string) error {
	words := strings.Fields(command)
	cmd := exec.Command(words[0], words[1:]...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	err := z.start(cmd)
	if err == nil {
		err = cmd.Wait()
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", command, err, strings.TrimSpace(said.String()))
	}
	return nil
}

const north, south = "north", "south"

// newZones makes the zones. partable is nil if they can be parted, and otherwise why not.
func newZones() (zones []*zone, partable error) {
	zones = []*zone{{name: north, host: "10.77.0.1"}, {name: south, host: "10.77.0.2"}}
	if partable = join(zones); partable != nil {
		endZones(zones)
		for _, z := range zones {
			z.host, z.thread = "127.0.0.1", nil
		}
	}
	return zones, partable
}

// join gives each of the two a network of its own, and lays a wire between them.
func join(zones []*zone) (err error) {
	for _, z := range zones {
		if z.thread, err = newThread(); err != nil {
			return err
		}
	}
	if err := zones[0].system("ip link add wire type veth peer name wire netns " + zones[1].thread.network); err != nil {
		return err
	}
	for _, z := range zones {
		for _, command := range []string{"ip link set lo up", "ip addr add " + z.host + "/24 dev wire", "ip link set wire up"} {
			if err := z.system(command); err != nil {
				return err
			}
		}
	}
	return errors.Join(part(zones), unite(zones)) // now, rather than in the middle of the play
}

// part has the wire swallow all that is sent, without a word to who sends it.
func part(zones []*zone) error {
	return errors.Join(zones[0].system("tc qdisc replace dev wire root blackhole"), zones[1].system("tc qdisc replace dev wire root blackhole"))
}

func unite(zones []*zone) error {
	return errors.Join(zones[0].system("tc qdisc del dev wire root"), zones[1].system("tc qdisc del dev wire root"))
}

// endZones ends the networks; the processes in them have ended.
func endZones(zones []*zone) {
	for _, z := range zones {
		if z.thread != nil {
			z.thread.end()
		}
	}
}
