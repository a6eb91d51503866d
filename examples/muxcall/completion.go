package main

import (
	"cmp"
	"context"
	"flag"
	"slices"
	"strings"
	"time"

	"github.com/muxkit/muxkit/transport"
)

// The scripts ask this command, which knows what fits, and leave files to the shell.
var scripts = map[string]string{
	"bash": `_muxcall() {
  local line=${COMP_LINE:0:COMP_POINT} words found
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  found=$("$1" complete -- "${words[@]:1}" 2>/dev/null) || return
  local IFS=$'\n'
  COMPREPLY=($found)
}
complete -o bashdefault -o default -F _muxcall muxcall
`,
	"zsh": `#compdef muxcall
_muxcall() {
  local -a found
  found=(${(f)"$(muxcall complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( ${#found} )); then compadd -- $found; else _files; fi
}
compdef _muxcall muxcall
`,
	"fish": `complete -c muxcall -a '(set -l words (commandline -opc); muxcall complete -- $words[2..-1] (commandline -ct) 2>/dev/null)'
`,
}

var shells = []string{"bash", "zsh", "fish"}

// runCompletion is muxcall completion.
func runCompletion(_ context.Context, args []string, s streams) (int, error) {
	if len(args) > 0 && (args[0] == "-h" || args[0] == "--help") {
		return 0, flag.ErrHelp
	}
	if err := operands(args, 1, 1, "SHELL"); err != nil {
		return 0, err
	}
	script, ok := scripts[args[0]]
	if !ok {
		return 0, misused("SHELL %q is none of %s", args[0], strings.Join(shells, ", "))
	}
	return exitOK, s.write(script)
}

// patience is how long somebody who has pressed a key waits for a node.
var patience = time.Second

// runComplete is what the scripts ask: behind a -- the words of the command line up to the one
// that is being written, which is the last and may be empty. It writes what may be there, a
// line each.
func runComplete(ctx context.Context, args []string, s streams) (int, error) {
	if len(args) < 2 || args[0] != "--" {
		return 0, misused("complete is for the scripts of muxcall completion")
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	before, word := args[1:len(args)-1], args[len(args)-1]
	var out strings.Builder
	for _, fits := range candidates(ctx, before, word) {
		if strings.HasPrefix(fits, word) && strings.Trim(fits, safeInShells) == "" { // shells obey the rest
			out.WriteString(fits + "\n")
		}
	}
	return exitOK, s.write(out.String())
}

// candidates are the words that may follow others, whether or not they begin as word does.
func candidates(ctx context.Context, before []string, word string) []string {
	name := "call"
	switch {
	case len(before) == 0 && !strings.HasPrefix(word, "-"):
		return commandNames
	case len(before) > 0 && slices.Contains(commandNames, before[0]):
		name, before = before[0], before[1:]
	}
	if name == "completion" {
		if len(before) > 0 {
			return nil
		}
		return shells
	}
	c := flagsOf(name)
	fs := newFlags(c)
	open, operand := unfinished(fs, before)
	switch {
	case open == "protocol":
		return protocols
	case open != "":
		return nil
	case strings.HasPrefix(word, "-") && operand == 0:
		var flags []string
		fs.VisitAll(func(f *flag.Flag) { flags = append(flags, "-"+f.Name) })
		return flags
	case operand != 1 || name == "top" || fs.Parse(before) != nil:
		return nil
	}
	return known(ctx, name, c, fs.Arg(0), word)
}

// flagsOf is what holds the flags of a command.
func flagsOf(name string) interface{ flags(*flag.FlagSet) } {
	switch name {
	case "list", "describe":
		return new(inquiry)
	case "health":
		return new(asker)
	case "top":
		return new(top)
	}
	return new(config)
}

// unfinished returns the flag whose value comes next, and how many operands there are.
func unfinished(fs *flag.FlagSet, words []string) (open string, operands int) {
	for i := 0; i < len(words); i++ {
		name, isFlag := strings.CutPrefix(words[i], "-")
		name = strings.TrimPrefix(name, "-")
		if !isFlag || name == "" {
			return "", len(words) - i
		}
		f := fs.Lookup(name) // none, for what is written as -name=value
		if f == nil {
			continue
		}
		if _, alone := f.Value.(interface{ IsBoolFlag() bool }); alone {
			continue
		}
		if i++; i == len(words) {
			return name, 0
		}
	}
	return "", 0
}

// known is what a node tells of its methods, or services, if it does.
func known(ctx context.Context, name string, c interface{ flags(*flag.FlagSet) }, address, word string) (names []string) {
	q := &inquiry{}
	switch c := c.(type) {
	case *config:
		q.target = c.target
	case *inquiry:
		q.target = c.target
	case *asker:
		q.target = c.target
	}
	q.timeout = min(cmp.Or(q.timeout, patience), patience)
	if q.resolve(address) != nil || q.canAsk() != nil {
		return nil
	}
	prefix := word
	if name == "health" {
		prefix = ""
	}
	_ = q.each(ctx, prefix, func(page transport.Description) error {
		if name == "health" {
			for _, s := range page.Services {
				names = append(names, s.Name)
			}
			return &missing{"the first page has them"}
		}
		for _, m := range page.Methods {
			names = append(names, m.Name)
		}
		return nil
	})
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}
