package main

import "fmt"

// What is promised to clients that prefer their zone. They are judged by who answered them, in phases.

// prefer is a promise of the part in a phase of each client that prefers its zone; "" is any zone. There is such a client.
func prefer(k int, zone string, broken func(own, others int) error) promise {
	return func(o *outcome) error {
		judged := 0
		err := each(k, func(o *outcome, by calling, p phase) error {
			if !by.prefers || zone != "" && by.zone != zone {
				return nil
			}
			judged++
			own, others := 0, 0
			for node, n := range p.answers() {
				if o.zoneOf[node] == by.zone {
					own += n
				} else {
					others += n
				}
			}
			return broken(own, others)
		})(o)
		if err == nil && judged == 0 {
			return fmt.Errorf("no client prefers its zone %s", zone)
		}
		return err
	}
}

func stays(own, others int) error {
	return unless(others == 0 && own > 0, "its zone answered %d calls, the other %d", own, others)
}

// allStay: of a zone that is well no call leaves.
func allStay(k int) promise { return prefer(k, "", stays) }

// staysThroughout: nor does one in any phase of the scene.
func staysThroughout(zone string) promise {
	return func(o *outcome) error {
		for k := range phasesOf(o) {
			if err := prefer(k, zone, stays)(o); err != nil {
				return err
			}
		}
		return unless(phasesOf(o) > 0, "there were no phases")
	}
}

func phasesOf(o *outcome) int {
	if len(o.clients) == 0 {
		return 0
	}
	return len(o.clients[0].phases)
}

// someLeave: with one node of three left in the north 7/15 of its clients' calls stay. What is promised is a quarter to three quarters: with
// 200 calls a zone that does what it should is outside of that once in ten billion times.
func someLeave(k int) promise {
	return prefer(k, north, func(own, others int) error {
		all := own + others
		return unless(4*own >= all && 4*own <= 3*all && all > 0, "its zone answered %d calls, the other %d, where about a half should leave", own, others)
	})
}

// allLeave: with none left all do.
func allLeave(k int) promise {
	return prefer(k, north, func(own, others int) error {
		return unless(own == 0 && others > 0, "its zone, which was dead, answered %d calls, the other %d", own, others)
	})
}

// homeKept: who prefers its zone loses no call at all, whatever becomes of the other.
func homeKept(o *outcome) error {
	judged := 0
	for i, by := range o.clients {
		if !by.prefers {
			continue
		}
		judged++
		for _, c := range by.calls() {
			if c.Fate != answered {
				return fmt.Errorf("client %d, which prefers its zone, lost %s: %s", i, c.Method, c.Err)
			}
		}
	}
	return unless(judged > 0, "no client prefers its zone")
}
