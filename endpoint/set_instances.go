package endpoint

import (
	"net"
	"strings"

	"github.com/muxkit/muxkit/muxpool"
)

// instance is one text of the discovery's.
type instance struct {
	text    string
	told    Instance // by the last list
	seen    uint64   // number of the last list that names it
	parsing bool     // the user's parser has it
	node    muxpool.Node
	err     error   // why it is none
	member  *member // nil until it was followed

	affinity affinity // of node; with a subset alone; 0: not known yet
	behind   uint64   // how far behind the client's anchor its place is; likewise
	out      bool     // it took no calls at the last look; likewise
}

// read makes what discovery named the Set's list, and returns those that the user's parser is to be asked
// about; mu is held.
func (s *Set) read(named instances) (unknown []*instance) {
	if s.closed {
		return nil
	}
	s.err = nil
	s.lists++
	s.list = s.list[:0]
	different := 0
	for i := range named.len() {
		told := named.at(i)
		in := s.instances[told.Address]
		if in == nil {
			in = &instance{text: strings.Clone(told.Address)} // it may be part of something large
			s.instances[in.text] = in
		} else if in.seen == s.lists {
			continue
		}
		different++
		fresh := in.seen == 0
		if fresh || s.cfg.isNear(in.told) != s.cfg.isNear(told) {
			s.subset.changed = true
		}
		in.seen, in.told = s.lists, told
		in.told.Address = in.text
		s.list = append(s.list, in)
		switch {
		case s.cfg.parse == nil && fresh:
			in.node, in.err = ParseNode(in.text)
			s.tellBad(in)
		case s.cfg.parse != nil && (fresh || in.err != nil) && !in.parsing:
			in.parsing = true
			unknown = append(unknown, in)
		}
	}
	if different > 0 && len(s.instances) > different {
		s.subset.changed = true
		for text, in := range s.instances {
			if in.seen != s.lists {
				delete(s.instances, text)
			}
		}
	}
	return unknown
}

func (s *Set) tellBad(in *instance) {
	if in.err != nil {
		s.log("msg", "an instance is left out", "instance", shown(in.text, maxText), "err", said(in.err, maxText))
	}
}

// parse asks the user's parser about in. It is asked once at a time about each.
func (s *Set) parse(in *instance) {
	s.lane.next(func() {
		s.mu.Lock()
		s.asked++
		s.mu.Unlock()
		if s.slowParser.Load() { // nobody waits for it again
			go s.ask(in)
			return
		}
		s.ask(in)
	}, &s.slowParser)
}

func (s *Set) ask(in *instance) {
	node, err := muxpool.Node{}, errEnded
	defer func() { s.parsed(in, node, err) }()
	node, err = s.cfg.parseNode(in.text)
}

// parsed hears what the user's parser says.
func (s *Set) parsed(in *instance, node muxpool.Node, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := in.err
	in.parsing, in.node, in.err, in.affinity = false, node, err, 0
	s.subset.changed = true
	if known == nil || err == nil || known.Error() != err.Error() {
		s.tellBad(in)
	}
	if s.slowParser.Load() { // who follows the list has gone ahead
		s.lane.next(s.follow, nil)
	}
	if s.asked--; s.asked == 0 {
		s.slowParser.Store(false)
	}
}

// fold makes one of the two spellings of a host's name, with and without the dot at its end:
// a Set counts them as one node, and calls it as the first that came.
func fold(n muxpool.Node) muxpool.Node {
	if strings.Contains(n.Address, ".:") {
		if host, port, err := net.SplitHostPort(n.Address); err == nil {
			n.Address = net.JoinHostPort(strings.TrimSuffix(host, "."), port)
		}
	}
	return n
}
