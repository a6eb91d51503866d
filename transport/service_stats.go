package transport

import "sync/atomic"

// ServiceStats is what Service.Stats returns.
type ServiceStats struct {
	Limits   ServiceLimits
	Conns    int   // open, handshakes included; at most Limits.MaxConns
	InFlight int   // calls, those that wait included; at most Limits.MaxInFlight
	Working  int   // under ServiceWorkers: of Limits.Workers
	Waiting  int   // under ServiceWorkers: calls; at most Limits.MaxWaiting
	Bytes    int64 // in use; at most Limits.MaxBytes but for answers that wait for clients
	Methods  map[string]MethodStats
	Refused  RefusedStats
}

// MethodStats are the calls of a method.
type MethodStats struct {
	Running int             // now
	OK      uint64          // answered without an error
	Errors  map[Code]uint64 // answered with one, or, as CodeInternal, not at all
}

// RefusedStats are calls that were answered without being run, and connections that
// were closed when they were accepted, by the limit or reason.
type RefusedStats struct {
	Conns         uint64 // MaxConns
	ConnCalls     uint64 // MaxInFlightPerConn
	Calls         uint64 // MaxInFlight
	Waiting       uint64 // MaxWaiting
	Waited        uint64 // QueueTarget: they had waited for too long
	ConnBytes     uint64 // MaxBytesPerConn
	Bytes         uint64 // MaxBytes
	FrameTooLarge uint64 // MaxFrameSize
	Metadata      uint64 // MaxMetadataPairs, MaxMetadataBytes
	PeerConns     uint64 // MaxConnsPerPeer
	PeerCalls     uint64 // MaxInFlightPerPeer
	PeerBytes     uint64 // MaxBytesPerPeer
	Unknown       uint64 // no such method
	Invalid       uint64 // the request made no sense
	GoingAway     uint64 // it came 2 s after its client was told to go, or later
}

// Stats returns what the Service does now and what it has done. It takes no lock that
// calls wait for; the figures may be of slightly different moments.
func (s *Service) Stats() ServiceStats {
	s.mu.Lock()
	conns := s.open
	s.mu.Unlock()
	d := &s.door
	refused := func(r refusal) uint64 { return d.refused[r].Load() }
	stats := ServiceStats{
		Limits:   s.limits,
		Conns:    conns,
		InFlight: int(d.calls.Load()),
		Waiting:  int(d.line.waiting.Load()),
		Working:  s.limits.Workers - int(d.line.free.Load()),
		Bytes:    d.bytes.Load(),
		Methods:  make(map[string]MethodStats),
		Refused: RefusedStats{
			Conns:         refused(tooManyConns),
			ConnCalls:     refused(tooManyOnConn),
			Calls:         refused(tooManyInAll),
			Waiting:       refused(tooManyWaiting),
			Waited:        refused(waitedTooLong),
			ConnBytes:     refused(connBytes),
			Bytes:         refused(allBytes),
			FrameTooLarge: refused(frameTooLarge),
			Metadata:      refused(metadataTooLarge),
			PeerConns:     refused(tooManyConnsOfPeer),
			PeerCalls:     refused(tooManyOfPeer),
			PeerBytes:     refused(peerBytes),
			Unknown:       refused(unknownMethod),
			Invalid:       refused(admitted),
			GoingAway:     refused(goingAway),
		},
	}
	for method, r := range *s.routes.Load() {
		stats.Methods[method] = r.counts.stats()
	}
	return stats
}

// outcome is how a call ended: outcomeNone, outcomeOK, or one more than the code.
type outcome uint8

const (
	outcomeNone outcome = iota // it was not answered
	outcomeOK
	outcomeOther = outcome(CodeTooLarge) + 2 // a code that has no name here
	outcomes     = outcomeOther + 1
)

// outcomeOf is the outcome of a call whose answer is resp.
func outcomeOf(resp *Message) outcome {
	if resp.Err == nil {
		return outcomeOK
	}
	return min(outcome(resp.Err.Code.Travels())+1, outcomeOther)
}

// methodCounts count the calls of a method.
type methodCounts struct {
	begun atomic.Uint64
	ended [outcomes]atomic.Uint64
}

func (m *methodCounts) stats() MethodStats {
	s := MethodStats{OK: m.ended[outcomeOK].Load()}
	ended := s.OK
	for o := range m.ended {
		n := m.ended[o].Load()
		if o == int(outcomeOK) || n == 0 {
			continue
		}
		ended += n
		if s.Errors == nil {
			s.Errors = make(map[Code]uint64)
		}
		s.Errors[outcome(o).code()] += n
	}
	s.Running = max(int(m.begun.Load()-ended), 0)
	return s
}

func (o outcome) code() Code {
	switch o {
	case outcomeNone:
		return CodeInternal
	case outcomeOther:
		return CodeUnknown
	}
	return Code(o - 1)
}
