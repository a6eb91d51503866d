package main

import (
	"fmt"
	"net"
	"os/exec"
	"strings"
)

// firewall is how to drop packets with one of the tools that systems have. It is
// used in a network namespace of our own only (see enterStage).
type firewall struct {
	setup []string
	drop  []string // %s is the port
	heal  string
}

func firewalls() []firewall {
	return []firewall{{
		setup: []string{"nft add table inet sick", "nft add chain inet sick input { type filter hook input priority 0 ; }"},
		drop:  []string{"nft add rule inet sick input tcp dport %s drop", "nft add rule inet sick input tcp sport %s drop"},
		heal:  "nft flush chain inet sick input",
	}, {
		setup: []string{"iptables -F INPUT"},
		drop:  []string{"iptables -A INPUT -p tcp --dport %s -j DROP", "iptables -A INPUT -p tcp --sport %s -j DROP"},
		heal:  "iptables -F INPUT",
	}}
}

// swallow drops all packets to and from address.
func (f *firewall) swallow(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	for _, rule := range f.drop {
		if err := system(fmt.Sprintf(rule, port)); err != nil {
			return err
		}
	}
	return nil
}

func (f *firewall) pass() error { return system(f.heal) }

// system runs commands, whose words are separated by spaces.
func system(commands ...string) error {
	for _, c := range commands {
		words := strings.Fields(c)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", c, err, out)
		}
	}
	return nil
}
