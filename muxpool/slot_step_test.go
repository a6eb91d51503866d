package muxpool

import (
	"fmt"
	"testing"
	"time"
)

var stepPolicy = slotPolicy{max: 3, first: 5 * time.Millisecond, limit: 50 * time.Millisecond}

const ms = time.Millisecond

// slotSteps tells what an event makes of a slot, apart from every node. The stories are in TestSlotTable.
var slotSteps = []struct {
	name string
	from slotLife
	ev   slotEvent
	to   slotLife
	todo slotTodo
}{
	{"wanted: dialed", slotLife{}, slotEvent{news: slotWanted}, slotLife{state: slotDialing}, slotTodo{dial: true}},
	{"wanted, but rests, and others are there",
		slotLife{slotResting, 3, 1, true}, slotEvent{news: slotWanted}, slotLife{slotResting, 3, 1, true}, slotTodo{}},
	{"wanted, rests, alone, was refused: dialed",
		slotLife{slotResting, 3, 1, false}, slotEvent{news: slotWanted, alone: true}, slotLife{slotDialing, 3, 1, false}, slotTodo{dial: true}},
	{"wanted, rests, alone, was hung up: waits as before a redial", slotLife{slotResting, 3, 1, true},
		slotEvent{news: slotWanted, alone: true, age: 7 * ms}, slotLife{slotWaiting, 3, 1, true}, slotTodo{bound: 20 * ms, age: 7 * ms}},
	{"wanted, was hung up for long", slotLife{slotEmpty, 2, 0, true},
		slotEvent{news: slotWanted, age: 10 * ms}, slotLife{slotDialing, 2, 0, true}, slotTodo{dial: true}},
	{"wanted, was hung up just now: waits as before a redial", slotLife{slotEmpty, 2, 0, true},
		slotEvent{news: slotWanted, age: 9 * ms}, slotLife{slotWaiting, 2, 0, true}, slotTodo{bound: 10 * ms, age: 9 * ms}},
	{"wanted, was hung up once", slotLife{slotEmpty, 1, 0, true},
		slotEvent{news: slotWanted}, slotLife{slotDialing, 1, 0, true}, slotTodo{dial: true}},
	{"wanted, up", slotLife{slotUp, 1, 0, true}, slotEvent{news: slotWanted, alone: true}, slotLife{slotUp, 1, 0, true}, slotTodo{}},
	{"connected", slotLife{slotDialing, 0, 0, false}, slotEvent{news: slotConnected}, slotLife{slotUp, 1, 0, true}, slotTodo{}},
	{"connected: an attempt until it is proven", slotLife{slotRedialing, 2, 1, false},
		slotEvent{news: slotConnected}, slotLife{slotUp, 3, 1, true}, slotTodo{}},
	{"refused, of a peer that is not worth it", slotLife{state: slotDialing},
		slotEvent{news: slotRefused, alone: true}, slotLife{slotResting, 1, 1, false}, slotTodo{rest: time.Second}},
	{"refused, of a peer that is", slotLife{state: slotDialing},
		slotEvent{news: slotRefused, alone: true, patient: true}, slotLife{slotWaiting, 1, 0, false}, slotTodo{bound: 10 * ms}},
	{"refused beside up", slotLife{state: slotDialing},
		slotEvent{news: slotRefused, patient: true}, slotLife{slotResting, 1, 1, false}, slotTodo{rest: time.Second}},
	{"redial refused beside up", slotLife{state: slotRedialing},
		slotEvent{news: slotRefused, patient: true}, slotLife{slotWaiting, 1, 0, false}, slotTodo{bound: 10 * ms}},
	{"refused for the last time", slotLife{slotRedialing, 2, 0, false}, slotEvent{news: slotRefused, patient: true},
		slotLife{slotResting, 3, 1, false}, slotTodo{rest: time.Second, limit: true, spent: true}},
	{"refused after it was given up: no patience is left", slotLife{slotDialing, 3, 1, false},
		slotEvent{news: slotRefused, patient: true, alone: true}, slotLife{slotResting, 4, 2, false}, slotTodo{rest: 2 * time.Second}},
	{"refused for the seventh rest: not for longer than a minute", slotLife{slotDialing, 9, 6, false},
		slotEvent{news: slotRefused}, slotLife{slotResting, 10, 7, false}, slotTodo{rest: time.Minute}},
	{"lost with calls, proven", slotLife{slotUp, 3, 1, true},
		slotEvent{news: slotLost, alone: true, proven: true}, slotLife{slotWaiting, 0, 0, true}, slotTodo{bound: 5 * ms}},
	{"lost with calls, unproven", slotLife{slotUp, 2, 0, true},
		slotEvent{news: slotLost, alone: true}, slotLife{slotWaiting, 2, 0, true}, slotTodo{bound: 20 * ms, doubt: true}},
	{"lost with calls, for the last time", slotLife{slotUp, 3, 0, true}, slotEvent{news: slotLost},
		slotLife{slotResting, 3, 1, true}, slotTodo{rest: time.Second, limit: true, spent: true}},
	{"lost with calls after it was given up: told once only", slotLife{slotUp, 4, 1, true}, slotEvent{news: slotLost},
		slotLife{slotResting, 4, 2, true}, slotTodo{rest: 2 * time.Second, spent: true}},
	{"a spare one is lost, unproven", slotLife{slotUp, 1, 0, true},
		slotEvent{news: slotLost, spare: true}, slotLife{slotResting, 1, 1, true}, slotTodo{rest: time.Second}},
	{"a spare one is lost, proven", slotLife{slotUp, 1, 0, true},
		slotEvent{news: slotLost, spare: true, proven: true}, slotLife{slotEmpty, 0, 0, true}, slotTodo{}},
	{"lost late, since dialed again", slotLife{slotDialing, 1, 0, true},
		slotEvent{news: slotLostLate, alone: true}, slotLife{slotDialing, 1, 0, true}, slotTodo{doubt: true}},
	{"lost late, with nothing in its place", slotLife{slotEmpty, 1, 0, true},
		slotEvent{news: slotLostLate}, slotLife{slotWaiting, 1, 0, true}, slotTodo{bound: 10 * ms}},
	{"lost late, with nothing in its place, for the last time", slotLife{slotEmpty, 3, 0, true}, slotEvent{news: slotLostLate},
		slotLife{slotResting, 3, 1, true}, slotTodo{rest: time.Second, limit: true, spent: true}},
	{"a spare one is lost late", slotLife{slotEmpty, 1, 0, true},
		slotEvent{news: slotLostLate, spare: true}, slotLife{slotEmpty, 1, 0, true}, slotTodo{}},
	{"silent, others are there", slotLife{slotUp, 1, 0, true},
		slotEvent{news: slotSilent}, slotLife{slotResting, 1, 1, false}, slotTodo{rest: time.Second}},
	{"silent, the last", slotLife{slotUp, 1, 0, true},
		slotEvent{news: slotSilent, alone: true}, slotLife{slotEmpty, 1, 0, false}, slotTodo{doubt: true}},
	{"closed idle soon, the first time", slotLife{slotUp, 1, 0, true},
		slotEvent{news: slotLeft, brief: true}, slotLife{slotEmpty, 1, 0, true}, slotTodo{}},
	{"closed idle soon, the last", slotLife{slotUp, 1, 0, true},
		slotEvent{news: slotLeft, brief: true, alone: true}, slotLife{slotEmpty, 1, 0, true}, slotTodo{doubt: true}},
	{"a spare one goes away soon", slotLife{slotUp, 1, 0, true},
		slotEvent{news: slotLeft, brief: true, spare: true}, slotLife{slotResting, 1, 1, true}, slotTodo{rest: time.Second}},
	{"closed idle soon, again, others are there", slotLife{slotUp, 2, 0, true},
		slotEvent{news: slotLeft, brief: true}, slotLife{slotResting, 2, 1, true}, slotTodo{rest: time.Second}},
	{"closed idle soon, again, the last", slotLife{slotUp, 2, 0, true},
		slotEvent{news: slotLeft, brief: true, alone: true}, slotLife{slotEmpty, 2, 0, true}, slotTodo{doubt: true}},
	{"closed idle soon, the last, after it was given up: told once only", slotLife{slotUp, 2, 1, true},
		slotEvent{news: slotLeft, brief: true, alone: true}, slotLife{slotResting, 2, 2, true}, slotTodo{rest: 2 * time.Second, spent: true, doubt: true}},
	{"closed idle soon, at the limit", slotLife{slotUp, 3, 0, true}, slotEvent{news: slotLeft, brief: true, alone: true},
		slotLife{slotResting, 3, 1, true}, slotTodo{rest: time.Second, limit: true, spent: true, doubt: true}},
	{"closed idle after a while, again", slotLife{slotUp, 9, 0, true},
		slotEvent{news: slotLeft, alone: true}, slotLife{slotEmpty, 9, 0, false}, slotTodo{}},
	{"closed idle soon, proven", slotLife{slotUp, 9, 2, true},
		slotEvent{news: slotLeft, brief: true, alone: true, proven: true}, slotLife{slotEmpty, 0, 0, true}, slotTodo{}},
	{"the wait is over", slotLife{slotWaiting, 2, 0, true}, slotEvent{news: slotDue}, slotLife{slotRedialing, 2, 0, true}, slotTodo{dial: true}},
	{"the rest is over", slotLife{slotResting, 3, 1, true}, slotEvent{news: slotDue}, slotLife{slotEmpty, 3, 1, false}, slotTodo{}},
	{"old", slotLife{slotUp, 0, 0, true}, slotEvent{news: slotAged}, slotLife{slotRenewing, 0, 0, true}, slotTodo{dial: true}},
	{"old, and being replaced", slotLife{slotRenewing, 0, 0, true}, slotEvent{news: slotAged}, slotLife{slotRenewing, 0, 0, true}, slotTodo{}},
	{"replaced", slotLife{slotRenewing, 0, 0, true}, slotEvent{news: slotConnected}, slotLife{slotUp, 1, 0, true}, slotTodo{}},
	{"wanted while it is replaced", slotLife{slotRenewing, 0, 0, true}, slotEvent{news: slotWanted, alone: true}, slotLife{slotRenewing, 0, 0, true}, slotTodo{}},
	{"proven while it is replaced", slotLife{slotRenewing, 2, 1, true}, slotEvent{news: slotProven}, slotLife{slotRenewing, 0, 0, true}, slotTodo{}},
	{"not replaced, since refused: nothing is held against anybody",
		slotLife{slotRenewing, 1, 0, true}, slotEvent{news: slotRefused, alone: true}, slotLife{slotUp, 1, 0, true}, slotTodo{}},
	{"lost while it is replaced: the dial goes on", slotLife{slotRenewing, 1, 0, true},
		slotEvent{news: slotLost, alone: true}, slotLife{slotRedialing, 1, 0, true}, slotTodo{doubt: true}},
	{"lost while it is replaced, proven", slotLife{slotRenewing, 1, 0, true},
		slotEvent{news: slotLost, alone: true, proven: true}, slotLife{slotRedialing, 0, 0, true}, slotTodo{}},
	{"closed while it is replaced", slotLife{slotRenewing, 1, 0, true},
		slotEvent{news: slotLeft, alone: true}, slotLife{slotDialing, 1, 0, true}, slotTodo{}},
	{"closed soon while it is replaced", slotLife{slotRenewing, 1, 0, true},
		slotEvent{news: slotLeft, alone: true, brief: true}, slotLife{slotDialing, 1, 0, true}, slotTodo{doubt: true}},
	{"closed soon while it is replaced, others are there", slotLife{slotRenewing, 1, 0, true},
		slotEvent{news: slotLeft, brief: true}, slotLife{slotDialing, 1, 0, true}, slotTodo{}},
	{"closed soon while it is replaced, proven", slotLife{slotRenewing, 1, 0, true},
		slotEvent{news: slotLeft, alone: true, brief: true, proven: true}, slotLife{slotDialing, 0, 0, true}, slotTodo{}},
	{"silent while it is replaced", slotLife{slotRenewing, 1, 0, true},
		slotEvent{news: slotSilent, alone: true}, slotLife{slotDialing, 1, 0, false}, slotTodo{doubt: true}},
	{"the pool is closed while it is replaced", slotLife{slotRenewing, 1, 0, true}, slotEvent{news: slotShut}, slotLife{slotEmpty, 1, 0, true}, slotTodo{}},
	{"proven while up", slotLife{slotUp, 3, 1, true}, slotEvent{news: slotProven}, slotLife{slotUp, 0, 0, true}, slotTodo{}},
	{"proven while it rests, by another", slotLife{slotResting, 3, 1, true}, slotEvent{news: slotProven}, slotLife{slotEmpty, 0, 0, true}, slotTodo{}},
	// What changes nothing, or the same in each state.
	{"wanted while it is dialed", slotLife{slotDialing, 1, 0, true}, slotEvent{news: slotWanted}, slotLife{slotDialing, 1, 0, true}, slotTodo{}},
	{"wanted while it is redialed", slotLife{slotRedialing, 1, 0, true}, slotEvent{news: slotWanted}, slotLife{slotRedialing, 1, 0, true}, slotTodo{}},
	{"wanted while it waits", slotLife{slotWaiting, 1, 0, true}, slotEvent{news: slotWanted}, slotLife{slotWaiting, 1, 0, true}, slotTodo{}},
	{"lost late, since redialed", slotLife{slotRedialing, 1, 0, true}, slotEvent{news: slotLostLate}, slotLife{slotRedialing, 1, 0, true}, slotTodo{}},
	{"lost late, with another in its place", slotLife{slotUp, 1, 0, true}, slotEvent{news: slotLostLate}, slotLife{slotUp, 1, 0, true}, slotTodo{}},
	{"lost late, with one in its place that is replaced",
		slotLife{slotRenewing, 1, 0, true}, slotEvent{news: slotLostLate}, slotLife{slotRenewing, 1, 0, true}, slotTodo{}},
	{"lost late, while it waits", slotLife{slotWaiting, 1, 0, true}, slotEvent{news: slotLostLate}, slotLife{slotWaiting, 1, 0, true}, slotTodo{}},
	{"lost late, while it rests", slotLife{slotResting, 3, 1, true}, slotEvent{news: slotLostLate}, slotLife{slotResting, 3, 1, true}, slotTodo{}},
	{"proven while empty, by another", slotLife{slotEmpty, 2, 1, true}, slotEvent{news: slotProven}, slotLife{slotEmpty, 0, 0, true}, slotTodo{}},
	{"proven while it is dialed, by another", slotLife{slotDialing, 2, 1, true}, slotEvent{news: slotProven}, slotLife{slotDialing, 0, 0, true}, slotTodo{}},
	{"proven while it is redialed, by another",
		slotLife{slotRedialing, 2, 1, true}, slotEvent{news: slotProven}, slotLife{slotRedialing, 0, 0, true}, slotTodo{}},
	{"proven while it waits, by another: it is redialed in its time",
		slotLife{slotWaiting, 2, 1, true}, slotEvent{news: slotProven}, slotLife{slotWaiting, 0, 0, true}, slotTodo{}},
	{"the pool is closed while empty", slotLife{slotEmpty, 1, 0, true}, slotEvent{news: slotShut}, slotLife{slotEmpty, 1, 0, true}, slotTodo{}},
	{"the pool is closed while it is dialed", slotLife{slotDialing, 1, 0, true}, slotEvent{news: slotShut}, slotLife{slotEmpty, 1, 0, true}, slotTodo{}},
	{"the pool is closed while it is redialed", slotLife{slotRedialing, 1, 0, true}, slotEvent{news: slotShut}, slotLife{slotEmpty, 1, 0, true}, slotTodo{}},
	{"the pool is closed while up", slotLife{slotUp, 1, 0, true}, slotEvent{news: slotShut}, slotLife{slotEmpty, 1, 0, true}, slotTodo{}},
	{"the pool is closed while it waits", slotLife{slotWaiting, 1, 0, true}, slotEvent{news: slotShut}, slotLife{slotEmpty, 1, 0, true}, slotTodo{}},
	{"the pool is closed while it rests", slotLife{slotResting, 3, 1, true}, slotEvent{news: slotShut}, slotLife{slotEmpty, 3, 1, true}, slotTodo{}},
}

// TestSlotStep: each row of slotSteps. That none is missing, TestSlotGrid finds out.
func TestSlotStep(t *testing.T) {
	for _, row := range slotSteps {
		if to, todo := row.from.step(row.ev, stepPolicy); to != row.to || todo != row.todo {
			t.Errorf("%s:\n got %+v %+v\nwant %+v %+v", row.name, to, todo, row.to, row.todo)
		}
	}
}

// TestStanding: each way from one standing to the next.
func TestStanding(t *testing.T) {
	for p, want := range map[standing]string{
		peerUnknown:    "false true met unknown",
		peerMet:        "true true met unknown",
		peerProven:     "true true proven unknown",
		peerDoubted:    "true false doubted written off",
		peerWrittenOff: "false false doubted written off",
	} {
		if got := fmt.Sprint(p.patient(), p.credible(), " ", p.connected(), " ", p.expelled()); got != want {
			t.Errorf("%v: %q, want %q", p, got, want)
		}
	}
}
