package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/muxkit/muxkit/internal/text"
	"github.com/muxkit/muxkit/transport"
)

// showNode is what a description says of the node as a whole.
func showNode(d *transport.Description) string {
	var b strings.Builder
	line := func(name, value string) { fmt.Fprintf(&b, "%-9s %s\n", name, value) }
	protocol := text.Shown(d.Protocol.Name, maxName)
	if d.Protocol.OneWay {
		protocol += ", calls may be one-way"
	}
	line("protocol", protocol)
	var build []string
	for _, part := range []string{d.Build.Main + " " + d.Build.Version, "muxkit " + d.Build.Muxkit, d.Build.Go} {
		if part = strings.TrimSpace(part); part != "" && part != "muxkit" {
			build = append(build, text.Shown(part, maxName))
		}
	}
	line("build", strings.Join(build, ", "))
	if l := d.Limits; l != (transport.LimitsDescription{}) {
		line("takes", fmt.Sprintf("%d bytes in a frame, %d calls at once on a connection, %d pairs and %d bytes of metadata",
			l.FrameBytes, l.CallsInFlight, l.MetadataPairs, l.MetadataBytes))
	}
	for _, s := range d.Services {
		name := text.Shown(s.Name, maxName)
		if s.Name == "" {
			name = "(the node)"
		}
		line("service", name+" "+text.Shown(s.Health, maxName))
	}
	if d.LeftOut > 0 {
		line("left out", fmt.Sprintf("%d methods or services, whose names are too long, or no text", d.LeftOut))
	}
	return b.String()
}

// showMethods is a line for each method.
func showMethods(methods []transport.MethodDescription) string {
	var b strings.Builder
	for i := range methods {
		m := &methods[i]
		fmt.Fprintf(&b, "%-9s %s", "method", text.Shown(m.Name, maxText))
		if m.Request != nil || m.Answer != nil {
			fmt.Fprintf(&b, "  %s -> %s", showType(m.Request), showType(m.Answer))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func showType(d *transport.TypeDescription) string {
	switch {
	case d == nil || d.Type == "" && d.Codec == "":
		return "?"
	case d.Type == "":
		return text.Shown(d.Codec, maxName)
	case d.Codec == "":
		return text.Shown(d.Type, maxName)
	}
	return text.Shown(d.Type, maxName) + " (" + text.Shown(d.Codec, maxName) + ")"
}

// showMethod is all that is known of a method, and how it is called.
func showMethod(m *transport.MethodDescription, t *target) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-9s %s\n", "method", text.Shown(m.Name, maxText))
	for _, part := range []struct {
		name string
		is   *transport.TypeDescription
	}{{"request", m.Request}, {"answer", m.Answer}} {
		fmt.Fprintf(&b, "%-9s %s\n", part.name, showType(part.is))
		if part.is != nil {
			showFields(&b, part.is.Fields, "  ")
			if part.is.Cut {
				b.WriteString("  ...\n")
			}
		}
	}
	fmt.Fprintf(&b, "%-9s %s\n", "try", example(m, t))
	return b.String()
}

// maxNested bounds how deep fields of a node's description are shown.
const maxNested = 8

func showFields(b *strings.Builder, fields []transport.FieldDescription, indent string) {
	if len(indent) > 2*maxNested {
		return
	}
	for _, f := range fields {
		fmt.Fprintf(b, "%s%s  %s\n", indent, text.Shown(f.Name, maxName), text.Shown(f.Type, maxName))
		showFields(b, f.Fields, indent+"  ")
	}
}

// example is a command that calls the method.
func example(m *transport.MethodDescription, t *target) string {
	words := []string{"muxcall"}
	if t.protocol != "native" {
		words = append(words, "-protocol", t.protocol)
	}
	words = append(words, "[flags]", forShell(t.address), forShell(m.Name))
	switch r := m.Request; {
	case r == nil || r.Codec == "":
		words = append(words, "[BODY]")
	case r.Codec != "json":
		words = append(words, "@FILE") // which needs -raw
		words[slices.Index(words, "[flags]")] = "-raw [flags]"
	case r.Type == byPosition:
		values := make([]string, 0, len(r.Fields))
		for _, f := range r.Fields {
			values = append(values, zero(f.Type))
		}
		words = append(words, forShell("["+strings.Join(values, ",")+"]"))
	case len(r.Fields) > 0 && strings.HasPrefix(r.Type, "[]"):
		words = append(words, forShell("["+skeleton(r.Fields, 1)+"]"))
	case len(r.Fields) > 0 && !strings.HasPrefix(r.Type, "map["):
		words = append(words, forShell(skeleton(r.Fields, 1)))
	default:
		words = append(words, forShell(zero(r.Type)))
	}
	return strings.Join(words, " ")
}

// skeleton is a JSON object with these fields.
func skeleton(fields []transport.FieldDescription, depth int) string {
	var b strings.Builder
	b.WriteString("{")
	for i, f := range fields {
		if i > 0 {
			b.WriteString(",")
		}
		name, _ := json.Marshal(f.Name)
		fmt.Fprintf(&b, "%s:", name)
		switch {
		case len(f.Fields) == 0 || depth > maxNested:
			b.WriteString(zero(f.Type))
		case strings.HasPrefix(f.Type, "[]"):
			b.WriteString("[" + skeleton(f.Fields, depth+1) + "]")
		case strings.HasPrefix(f.Type, "map["):
			b.WriteString(`{"":` + skeleton(f.Fields, depth+1) + `}`)
		default:
			b.WriteString(skeleton(f.Fields, depth+1))
		}
	}
	b.WriteString("}")
	return b.String()
}

// zero is a value of a type of which no fields are known.
func zero(kind string) string {
	switch {
	case kind == "string" || kind == "base64":
		return `""`
	case kind == "integer" || kind == "number":
		return "0"
	case kind == "bool":
		return "false"
	case strings.HasPrefix(kind, "[]"):
		return "[]"
	case strings.HasPrefix(kind, "map[") || kind == "object":
		return "{}"
	}
	return "null"
}

// forShell is a word as a shell reads it, in which nothing is obeyed, neither by a shell nor
// by a terminal; what does not print is left to the reader.
func forShell(word string) string {
	if shown, ok := showJSON([]byte(word)); ok { // which keeps its meaning
		word = strings.TrimSuffix(string(shown), "\n")
	}
	if word != "" && strings.Trim(word, safeInShells) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(text.Shown(word, maxText), "'", `'\''`) + "'"
}

// safeInShells are characters that mean themselves in every shell.
const safeInShells = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,@%+"
