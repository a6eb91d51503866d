package muxpool

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
)

// idSet are the ids that a pool may hand out, numbered from 0 in their order: those of an
// IDSpace less its reserved ones. It never changes, so the conns of a node share it.
type idSet struct {
	runs  []idRun
	n     uint64
	first uint32 // of the first run: a call looks no further where there is one
}

// idRun is ids without a gap. It ends where n or the next run's number says.
type idRun struct {
	first  uint32
	number uint64 // of first
}

// idSpace asks the parser for its id space.
func idSpace(fp FrameParser) (set idSet, err error) {
	space := IDSpace{Max: math.MaxUint32}
	if s, ok := fp.(IDSpacer); ok {
		if space, err = askIDSpace(s); err != nil {
			return set, err
		}
	}
	if space.Max < space.Min {
		return set, fmt.Errorf("%w: IDSpace of %T: Max %d is less than Min %d", ErrInvalidOption, fp, space.Max, space.Min)
	}
	for _, r := range space.Reserved {
		if r.Last < r.First {
			return set, fmt.Errorf("%w: IDSpace of %T: a reserved range from %d to %d", ErrInvalidOption, fp, r.First, r.Last)
		}
	}
	if set = space.usable(); set.n == 0 {
		return set, fmt.Errorf("%w: IDSpace of %T: every id is reserved", ErrInvalidOption, fp)
	}
	return set, nil
}

// askIDSpace calls the plug-in on a goroutine of its own, since it is a Get of somebody's
// that asks, whose goroutine a runtime.Goexit would end.
func askIDSpace(s IDSpacer) (space IDSpace, err error) {
	err = fmt.Errorf("%w: IDSpace of %T did not return", ErrInvalidOption, s)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if p := recover(); p != nil {
				err = because(ErrInvalidOption, panicked(fmt.Sprintf("IDSpace of %T", s), p))
			}
		}()
		space, err = s.IDSpace(), nil
	}()
	<-done
	return space, err
}

// usable returns the ids that are not reserved.
func (s IDSpace) usable() (set idSet) {
	reserved := slices.Clone(s.Reserved)
	slices.SortFunc(reserved, func(a, b IDRange) int { return cmp.Compare(a.First, b.First) })
	next, end := uint64(s.Min), uint64(s.Max)+1 // to come
	add := func(until uint64) {
		if until > next {
			if set.n == 0 {
				set.first = uint32(next)
			}
			set.runs = append(set.runs, idRun{uint32(next), set.n})
			set.n += until - next
		}
	}
	for _, r := range reserved {
		add(min(uint64(r.First), end))
		next = max(next, uint64(r.Last)+1)
	}
	add(end)
	return set
}

func (s idSet) String() string {
	var ranges []string
	for i, run := range s.runs {
		if i == 8 {
			ranges = append(ranges, "...")
			break
		}
		end := s.n
		if i+1 < len(s.runs) {
			end = s.runs[i+1].number
		}
		ranges = append(ranges, fmt.Sprintf("%d to %d", run.first, uint64(run.first)+end-run.number-1))
	}
	return strings.Join(ranges, ", ")
}

// at is the id with a number, which is less than n.
func (s *idSet) at(number uint64) uint32 {
	if len(s.runs) == 1 {
		return s.first + uint32(number)
	}
	run := s.runs[sort.Search(len(s.runs), func(i int) bool { return s.runs[i].number > number })-1]
	return uint32(uint64(run.first) + number - run.number)
}

// number is the inverse of at. It returns false if id is not in the set.
func (s *idSet) number(id uint32) (number uint64, ok bool) {
	i := sort.Search(len(s.runs), func(i int) bool { return s.runs[i].first > id })
	if i == 0 {
		return 0, false
	}
	run, end := s.runs[i-1], s.n
	if i < len(s.runs) {
		end = s.runs[i].number
	}
	number = run.number + uint64(id-run.first)
	return number, number < end
}
