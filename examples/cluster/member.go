package main

import (
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
)

// member is a member of etcd: the real server, embedded in a process of its own, so that it can be
// killed.
type member struct{ etcd *embed.Etcd }

// startTime is how long a member may take to be one of several that have a leader.
const startTime = time.Minute

func newMember(t told) (actor, string, error) {
	cfg := embed.NewConfig()
	cfg.Name, cfg.Dir, cfg.InitialCluster = t.name, t.dir, t.together
	cfg.LogLevel, cfg.UnsafeNoFsync = "error", true // a machine that loses its power is not played
	cfg.TickMs, cfg.ElectionMs = 50, 500
	at := func(address string) []url.URL { return []url.URL{{Scheme: "http", Host: address}} }
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = at(t.address), at(t.address)
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = at(t.peers), at(t.peers)
	e, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, "", err
	}
	return &member{e}, t.address, nil
}

// do: "await" until it is one of several that have a leader; "leader": whether it is that.
func (m *member) do(word string) (any, error) {
	switch word {
	case "await":
		select {
		case <-m.etcd.Server.ReadyNotify():
			return nil, nil
		case err := <-m.etcd.Err():
			return nil, err
		case <-time.After(startTime):
			return nil, fmt.Errorf("no leader for %v", startTime)
		}
	case "leader":
		return m.etcd.Server.Leader() == m.etcd.Server.MemberID(), nil
	}
	return nil, errWord(word)
}

func (m *member) end() error {
	m.etcd.Close()
	return nil
}

func (m *member) close() error { return m.end() }
