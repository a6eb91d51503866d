package dnsmsg

import "crypto/rand"

// scramble is a permutation of the 16-bit ids, drawn when the process begins: the pool
// counts, and who has seen one id must not know the next (RFC 5452, section 9.2). It is a
// Feistel network of four rounds.
type scramble [4][256]byte

var secret = newScramble()

func newScramble() *scramble {
	s := new(scramble)
	for i := range s {
		rand.Read(s[i][:]) // never fails
	}
	return s
}

// hide makes what travels of an id of the pool's.
func (s *scramble) hide(id uint16) uint16 {
	l, r := byte(id>>8), byte(id)
	l ^= s[0][r]
	r ^= s[1][l]
	l ^= s[2][r]
	r ^= s[3][l]
	return uint16(l)<<8 | uint16(r)
}

// show is the inverse of hide.
func (s *scramble) show(id uint16) uint16 {
	l, r := byte(id>>8), byte(id)
	r ^= s[3][l]
	l ^= s[2][r]
	r ^= s[1][l]
	l ^= s[0][r]
	return uint16(l)<<8 | uint16(r)
}
