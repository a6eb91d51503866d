package wire

// Place is a request's place in the order of the answers, where these bear no ids. The zero
// value is none: of a frame that is not answered.
type Place uint64

// PlaceOf is the place of the request with an id.
func PlaceOf(id uint32) Place { return Place(id) + 1 }

// places are those of requests that were queued and not answered, in the order in which they
// are written: a ring. The zero value is empty. It is guarded by the Writer's mu.
type places struct {
	ring   []uint32 // a power of two of ids, or nil
	first  int      // where the next to be answered is
	n      int
	queued int    // of them, whose frames nobody has begun to write: they cannot have been answered
	frames uint64 // of answers that have come
	gone   uint64 // requests that were answered
}

const (
	minPlaces  = 8
	keptPlaces = 1 << 10 // more are given back once all are answered
)

func (p *places) add(place Place) {
	if p.n == len(p.ring) {
		larger := make([]uint32, max(minPlaces, 2*p.n))
		copied := copy(larger, p.ring[p.first:])
		copy(larger[copied:], p.ring[:p.first])
		p.ring, p.first = larger, 0
	}
	p.ring[(p.first+p.n)&(len(p.ring)-1)] = uint32(place - 1)
	p.n++
	p.queued++
}

// head is the id of the request whose turn it is.
func (p *places) head() (id uint32, ok bool) {
	if p.n == p.queued {
		return 0, false
	}
	return p.ring[p.first], true
}

// leave takes it out.
func (p *places) leave() {
	p.first = (p.first + 1) & (len(p.ring) - 1)
	p.gone++
	if p.n--; p.n == 0 && len(p.ring) > keptPlaces {
		p.ring, p.first = nil, 0
	}
}

// Next returns the id of the request whose turn it is to be answered; last says that this is
// the last frame of its answer, and so the next one's turn. ok is false if all have been
// answered that somebody has begun to write.
func (w *Writer) Next(last bool) (id uint32, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if id, ok = w.places.head(); ok {
		w.places.frames++
		if last {
			w.places.leave()
		}
	}
	return id, ok
}

// Progress is how far the answers have come.
type Progress struct {
	ID       uint32 // of the request that is to be answered next
	Waiting  int    // how many are, of those that somebody has begun to write; 0: ID is nobody's
	Answered uint64 // how many were
	Frames   uint64 // of answers, also those that are not whole
}

// Progress tells how far the answers have come.
func (w *Writer) Progress() Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := &w.places
	id, _ := p.head()
	return Progress{ID: id, Waiting: p.n - p.queued, Answered: p.gone, Frames: p.frames}
}
