package wire

import (
	"errors"
	"math/rand/v2"
	"net"
	"slices"
	"testing"

	"github.com/muxkit/muxkit/internal/bounded"
)

// TestPlacesAreARing: whatever the order of coming and going, those that come first go first,
// and what a burst took is given back.
func TestPlacesAreARing(t *testing.T) {
	var p places
	var want []uint32
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range uint32(200_000) {
		most := []int{3, 100, 5000}[i/1000%3]
		if len(want) < most && rng.IntN(2) == 0 {
			p.add(PlaceOf(i))
			want = append(want, i)
			p.queued = 0
		} else if len(want) > 0 {
			id, ok := p.head()
			if !ok || id != want[0] {
				t.Fatalf("step %d: %d, %v, want %d", i, id, ok, want[0])
			}
			p.leave()
			want = want[1:]
		}
		if p.n != len(want) {
			t.Fatalf("step %d: %d places, want %d", i, p.n, len(want))
		}
		if p.n == 0 && len(p.ring) > keptPlaces {
			t.Fatalf("step %d: a ring of %d for nobody", i, len(p.ring))
		}
	}
}

// TestPlacesThatAreKept: a ring that is no larger than that is there for the next.
func TestPlacesThatAreKept(t *testing.T) {
	for n, kept := range map[uint32]int{keptPlaces: keptPlaces, keptPlaces + 1: 0} {
		var p places
		for i := range n {
			p.add(PlaceOf(i))
		}
		for range n {
			p.leave()
		}
		if len(p.ring) != kept {
			t.Errorf("after %d places a ring of %d is kept, want %d", n, len(p.ring), kept)
		}
	}
}

// TestPlacesAreInTheOrderOfTheWire: frames with places, of many goroutines, go out in the order
// of the places; those without have none, and neither has what was not queued.
func TestPlacesAreInTheOrderOfTheWire(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	w := NewWriter(ours, WriterConfig{MaxFrames: 4})
	if id, ok := w.Next(true); ok || id != 0 || w.Progress() != (Progress{}) {
		t.Fatalf("a place of nobody: %d, %v, %+v", id, ok, w.Progress())
	}
	var sealed Mark
	sealed.Seal()
	if _, err := w.TryMark([]byte{1, 1}, false, &sealed, PlaceOf(7)); !errors.Is(err, ErrSealed) {
		t.Error(err)
	}
	const writers, each = 8, 200
	errs := make(chan error, writers)
	for i := range byte(writers) {
		go func() {
			for j := range byte(each) {
				place := PlaceOf(uint32(i)<<8 | uint32(j))
				if j%3 == 0 {
					place = 0
				}
				for {
					_, err := w.TryMark([]byte{i, j}, false, nil, place)
					if err == nil {
						break
					}
					if err != ErrQueueFull {
						errs <- err
						return
					}
					turn := w.LineUp(2)
					<-turn.Ready()
					turn.Leave()
				}
			}
			errs <- nil
		}()
	}
	var b [2]byte
	for range writers * each {
		if _, err := theirs.Read(b[:]); err != nil {
			t.Fatal(err)
		}
		if b[1]%3 == 0 {
			continue
		}
		want := uint32(b[0])<<8 | uint32(b[1])
		if more, ok := w.Next(false); !ok || more != want {
			t.Fatalf("it is %#x's turn, %v, and %#x was written", more, ok, want)
		}
		if id, ok := w.Next(true); !ok || id != want {
			t.Fatalf("it is %#x's turn, %v, and %#x was written", id, ok, want)
		}
	}
	for range writers {
		if err := bounded.Receive(t, errs); err != nil {
			t.Error(err)
		}
	}
	if p := w.Progress(); p.Waiting != 0 || p.Frames != 2*p.Answered {
		t.Errorf("%+v", p)
	}
}

// TestWhatIsOnlyQueuedIsNotAnswered: while nobody has begun to write a frame, an answer is
// not its.
func TestWhatIsOnlyQueuedIsNotAnswered(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	w := NewWriter(ours, WriterConfig{})
	var turns []bool
	for i := range uint32(2) {
		if _, err := w.TryMark([]byte("frame"), false, nil, PlaceOf(i)); err != nil {
			t.Fatal(err)
		}
		if i == 0 { // the flusher has it
			var one [1]byte
			if _, err := theirs.Read(one[:]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, want := w.Progress(), (Progress{ID: 0, Waiting: 1}); got != want {
		t.Errorf("of two, of which one is being written: %+v, want %+v", got, want)
	}
	for range 2 {
		_, ok := w.Next(true)
		turns = append(turns, ok)
	}
	if !slices.Equal(turns, []bool{true, false}) {
		t.Errorf("turns: %v", turns)
	}
}
