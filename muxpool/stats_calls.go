package muxpool

// Calls count MuxConns, and Gets that gave their place back: what has not ended is in flight.
type Calls struct {
	Started    uint64
	Answered   uint64 // closed, with nothing to come
	Abandoned  uint64 // closed before the answer
	Canceled   uint64 // their context was
	TimedOut   uint64 // their time was over
	Overflowed uint64 // ErrRecvQueueFull
	TooLarge   uint64 // ErrFrameTooLarge
	Lost       uint64 // with their connection
	TakenBack  uint64 // Gets: the peer had hung up, or their context had ended
}

// Ended is how many have.
func (k Calls) Ended() uint64 {
	return k.Answered + k.Abandoned + k.Canceled + k.TimedOut + k.Overflowed + k.TooLarge + k.Lost + k.TakenBack
}

// count adds a call that has left its conn. awaited is how many answers were to come.
func (k *Calls) count(why callEnd, awaited int64) {
	switch why {
	case endUndone: // who has to look elsewhere is started again there
		k.TakenBack++
	case endClosed, endDone:
		if awaited > 0 {
			k.Abandoned++
		} else {
			k.Answered++
		}
	case endCanceled:
		k.Canceled++
	case endDeadline:
		k.TimedOut++
	case endOverflow:
		k.Overflowed++
	case endTooLarge:
		k.TooLarge++
	case endConn:
		k.Lost++
	}
}

func (k *Calls) add(o Calls) {
	k.Started += o.Started
	k.Answered += o.Answered
	k.Abandoned += o.Abandoned
	k.Canceled += o.Canceled
	k.TimedOut += o.TimedOut
	k.Overflowed += o.Overflowed
	k.TooLarge += o.TooLarge
	k.Lost += o.Lost
	k.TakenBack += o.TakenBack
}
