package muxpool

import (
	"reflect"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"
)

// figures calls f for each figure in v, with its name.
func figures(v reflect.Value, name string, f func(name string, figure reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			figures(v.Field(i), name+"."+v.Type().Field(i).Name, f)
		}
	case reflect.Array:
		for i := range v.Len() {
			figures(v.Index(i), name, f)
		}
	default:
		f(name, v)
	}
}

// numbered sets each figure of *p to another number, and returns how many there are.
func numbered(t *testing.T, p any) (n int) {
	figures(reflect.ValueOf(p).Elem(), "", func(name string, v reflect.Value) {
		switch n++; {
		case v.CanUint():
			v.SetUint(uint64(n))
		case v.CanInt():
			v.SetInt(int64(n))
		default:
			t.Fatalf("%s is no number", name)
		}
	})
	return n
}

// doubled fails the test for each figure of got that is not twice its number.
func doubled(t *testing.T, got any) {
	n := 0
	figures(reflect.ValueOf(got), reflect.TypeOf(got).Name(), func(name string, v reflect.Value) {
		if n++; v.CanUint() && v.Uint() != uint64(2*n) || v.CanInt() && v.Int() != int64(2*n) {
			t.Errorf("%s is forgotten where figures are added up: %v, want %d", name, v, 2*n)
		}
	})
}

// TestEachFigureIsAddedUp: of a connection to its node's, of a node to the pool's.
func TestEachFigureIsAddedUp(t *testing.T) {
	var calls, allCalls Calls
	numbered(t, &calls)
	allCalls.add(calls)
	allCalls.add(calls)
	doubled(t, allCalls)

	var traffic, allTraffic Traffic
	numbered(t, &traffic)
	allTraffic.add(traffic)
	allTraffic.add(traffic)
	doubled(t, allTraffic)

	var counted, all Counters
	numbered(t, &counted)
	all.add(counted)
	all.add(counted)
	doubled(t, all)
}

// TestEachEndOfACallIsOne: what a call may end by is a part of Ended.
func TestEachEndOfACallIsOne(t *testing.T) {
	var calls Calls
	figures(reflect.ValueOf(&calls).Elem(), "", func(_ string, v reflect.Value) { v.SetUint(1) })
	if ends := reflect.TypeFor[Calls]().NumField() - 1; calls.Ended() != uint64(ends) {
		t.Errorf("%d ways to end, %d in Ended", ends, calls.Ended())
	}
}

// TestEachCounterIsShown: what is counted with atomics is in the snapshot, each once.
func TestEachCounterIsShown(t *testing.T) {
	var k counters
	v := reflect.ValueOf(&k).Elem()
	want := make(map[uint64]string)
	for i := range v.NumField() {
		n := uint64(i + 1)
		want[n] = v.Type().Field(i).Name
		switch p := reflect.NewAt(v.Field(i).Type(), unsafe.Pointer(v.Field(i).UnsafeAddr())).Interface().(type) {
		case *atomic.Uint64:
			p.Store(n)
		case *atomic.Int64:
			p.Store(int64(n))
		default:
			t.Fatalf("%s is no counter: %T", want[n], p)
		}
	}
	figures(reflect.ValueOf(k.snapshot()), "", func(name string, v reflect.Value) {
		n := uint64(0)
		if v.CanUint() {
			n = v.Uint()
		} else if v.Type() == reflect.TypeFor[time.Duration]() {
			n = uint64(v.Int())
		}
		if n == 0 {
			return
		}
		if want[n] == "" {
			t.Errorf("%s shows what another shows", name)
		}
		delete(want, n)
	})
	for _, name := range want {
		t.Errorf("%s is not shown", name)
	}
}
