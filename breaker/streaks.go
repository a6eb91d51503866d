package breaker

import (
	"slices"
	"sort"
)

// maxStreaks bounds the streaks that are remembered: what is older is given up.
const maxStreaks = 64

// streaks finds failures in a row, in the order in which the calls began: calls have
// numbers, and one that is under way or succeeded is in no streak and so parts its
// neighbours. By the order of their ends, failures that are quick would seem to be in
// a row while slow calls that began between them are about to succeed.
type streaks []streak // in order, and never adjacent

// streak is a stretch of calls, none of which succeeded.
type streak struct {
	first, last uint64
	failures    int // the others were neutral
}

// add takes the end of the call number n, which did not succeed, and returns how
// many failures are in a row with it.
func (ss *streaks) add(n uint64, failure bool) int {
	r := streak{first: n, last: n}
	if failure {
		r.failures = 1
	}
	s := *ss
	i := sort.Search(len(s), func(i int) bool { return s[i].first > n })
	from, to := i, i
	if i > 0 && s[i-1].last+1 == n {
		from--
		r.first, r.failures = s[from].first, r.failures+s[from].failures
	}
	if i < len(s) && s[i].first == n+1 {
		r.last, r.failures = s[i].last, r.failures+s[i].failures
		to++
	}
	s = slices.Replace(s, from, to, r)
	if len(s) > maxStreaks {
		s = slices.Delete(s, 0, 1)
	}
	*ss = s
	return r.failures
}
