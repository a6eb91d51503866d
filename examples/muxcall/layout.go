package main

import (
	"slices"
	"strings"
)

// layOut makes lines of a table whose first row is the head: empty columns are left out, and
// where width (0: any) is too little those that are needed least. The last one is cut to
// what is left.
func layOut(table [][]string, width int) []string {
	widths := make([]int, len(columns))
	for _, r := range table[1:] {
		for i, cell := range r {
			if cell != "" {
				widths[i] = max(widths[i], columnsOf(cell), len(columns[i].head))
			}
		}
	}
	kept := make([]int, 0, len(columns))
	for i := range columns {
		if widths[i] > 0 {
			kept = append(kept, i)
		}
	}
	const leastOfLast = 12
	for width > 0 && len(kept) > 1 {
		sum := 0
		for _, i := range kept {
			sum += widths[i] + len(gap)
		}
		last := kept[len(kept)-1]
		if over := sum - len(gap) - width; over <= 0 || columns[last].left && widths[last]-over >= leastOfLast {
			break
		}
		least := slices.MinFunc(kept, func(a, b int) int { return columns[a].need - columns[b].need })
		kept = slices.DeleteFunc(kept, func(i int) bool { return i == least })
	}
	lines := make([]string, 0, len(table))
	for _, r := range table {
		var b strings.Builder
		for n, i := range kept {
			pad := strings.Repeat(" ", max(widths[i]-columnsOf(r[i]), 0))
			switch {
			case !columns[i].left:
				b.WriteString(pad + r[i])
			case n == len(kept)-1:
				b.WriteString(r[i])
			default:
				b.WriteString(r[i] + pad)
			}
			if n < len(kept)-1 {
				b.WriteString(gap)
			}
		}
		lines = append(lines, cut(strings.TrimRight(b.String(), " "), width))
	}
	return lines
}

// cut shortens s to width columns of a terminal; 0: to any.
func cut(s string, width int) string {
	if width <= 0 || columnsOf(s) <= width {
		return s
	}
	const mark = ".."
	used := 0
	for i, r := range s {
		if used += columnsOfRune(r); used > width-len(mark) {
			return s[:i] + mark[:min(len(mark), width)]
		}
	}
	return s
}

// columnsOf is how many columns of a terminal a text takes at most.
func columnsOf(s string) (n int) {
	for _, r := range s {
		n += columnsOfRune(r)
	}
	return n
}

// columnsOfRune is 2 for all that some terminal may show in two columns: a line is never
// longer than it is thought to be, though it may be shorter.
func columnsOfRune(r rune) int {
	if r < 0x1100 || r > 0x115f && r < 0x231a {
		return 1
	}
	return 2
}
