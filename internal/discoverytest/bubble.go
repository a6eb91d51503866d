package discoverytest

import (
	"strings"
	"testing/synctest"

	muxendpoint "github.com/muxkit/muxkit/endpoint"
)

// BubbleWitness keeps what an Instancer tells and logs in a bubble of testing/synctest, of which it has to be made. It takes
// events when the test asks for them: an Instancer meanwhile has a client that is slow.
type BubbleWitness struct {
	Logger

	show   func(muxendpoint.Instance) string
	events chan muxendpoint.InstancesEvent
}

// NewBubbleWitness makes one that has instances as show has them; nil: as they print.
func NewBubbleWitness(show func(muxendpoint.Instance) string) *BubbleWitness {
	if show == nil {
		show = muxendpoint.Instance.String
	}
	return &BubbleWitness{show: show, events: make(chan muxendpoint.InstancesEvent, 1)}
}

// Watch has it hear what an Instancer tells, until that is stopped.
func (w *BubbleWitness) Watch(i muxendpoint.Instancer) { i.RegisterInstances(w.events) }

// Hears is what was told since: each list in brackets, each error behind "!".
func (w *BubbleWitness) Hears() string {
	var words []string
	for {
		synctest.Wait()
		select {
		case ev := <-w.events:
			if ev.Err != nil {
				words = append(words, "!"+ev.Err.Error())
				continue
			}
			var all []string
			for _, in := range ev.Instances {
				all = append(all, w.show(in))
			}
			words = append(words, "["+strings.Join(all, " ")+"]")
		default:
			return strings.Join(words, " ")
		}
	}
}
