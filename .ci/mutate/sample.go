package main

import (
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
)

// A sample is the mistakes of one package, in the order of the seed: the first n that can be
// compiled are planted.
type sample struct {
	pkg   pkg
	sites []site
	n     int
}

// newSamples finds the mistakes of packages, and how many are planted in each.
func newSamples(pkgs []pkg, s settings) (samples []*sample, err error) {
	var whose []*sample // of each mistake that there is
	for _, p := range pkgs {
		sites, err := p.sites(s.options)
		if err != nil {
			return nil, err
		}
		sites = slices.DeleteFunc(sites, func(m site) bool { return !s.within.MatchString(m.file + " " + m.fn) })
		shuffle(sites, s.seed, p.ImportPath)
		of := &sample{p, sites, s.n}
		samples, whose = append(samples, of), append(whose, slices.Repeat([]*sample{of}, len(sites))...)
	}
	if s.all > 0 {
		for _, sample := range samples {
			sample.n = 0
		}
		r := rand.New(rand.NewPCG(s.seed, 0))
		r.Shuffle(len(whose), func(i, j int) { whose[i], whose[j] = whose[j], whose[i] })
		for _, sample := range whose[:min(s.all, len(whose))] {
			sample.n++
		}
	}
	return samples, nil
}

// shuffle orders the sites of a package by the seed, whatever other packages there
// are.
func shuffle(sites []site, seed uint64, pkg string) {
	h := fnv.New64a()
	h.Write([]byte(pkg))
	r := rand.New(rand.NewPCG(seed, h.Sum64()))
	slices.SortFunc(sites, func(a, b site) int {
		if c := strings.Compare(a.file, b.file); c != 0 {
			return c
		}
		if a.from != b.from {
			return a.from - b.from
		}
		return strings.Compare(a.text, b.text)
	})
	r.Shuffle(len(sites), func(i, j int) { sites[i], sites[j] = sites[j], sites[i] })
}
