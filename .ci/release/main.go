// Command release prepares a release of all modules, and builds them as a stranger
// would. Run it in the repository's root:
//
//	go run ./.ci/release stranger   build programs that require the modules as they
//	                                are now; nothing is changed
//	go run ./.ci/release follow     do in an empty directory what docs/from-scratch.md and
//	                                docs/afternoon.md say
//	go run ./.ci/release v0.1.0     set the versions, check, and tell what is to be done
//
// A stranger has no checkout and no replace: his modules come from a proxy. Here it
// is one on disk that serves the modules of this repository; those of others come
// from the module cache or the ordinary proxy. See docs/releasing.md.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

const modulePath = "github.com/muxkit/muxkit"

// madeUp is the version of a stranger's modules while nothing is released.
const madeUp = "v0.0.0-stranger"

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./.ci/release stranger | follow | vX.Y.Z")
		os.Exit(2)
	}
	err := fmt.Errorf("%q is neither stranger nor follow nor a version of v0 or v1", os.Args[1])
	switch {
	case os.Args[1] == "stranger":
		err = strangers(".", madeUp)
	case os.Args[1] == "follow":
		err = follow(".", madeUp)
	case versions.MatchString(os.Args[1]):
		err = release(".", os.Args[1])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// versions are those that a module without a suffix of its path can have.
var versions = regexp.MustCompile(`^v[01]\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9a-z.]+)?$`)

// release checks, then changes the files that name the version.
func release(root, version string) error {
	modules, err := toRelease(root)
	if err != nil {
		return err
	}
	if err := show(root, "go", "run", "./.ci/api"); err != nil {
		return fmt.Errorf("the API: %w", err)
	}
	if err := strangers(root, version); err != nil {
		return err
	}
	if err := closeChangelog(root, version); err != nil {
		return err
	}
	for _, m := range modules {
		if err := m.require(modules, version); err != nil {
			return err
		}
	}
	if err := show(root, "go", "run", "./.ci/api", "-write"); err != nil {
		return err
	}
	fmt.Printf("\nWhat is left to do, when CI has passed on the commit:\n\n%s", left(modules, version))
	return nil
}

// left are the commands that are left to do. A package that is new has a new file in
// .ci/api.
func left(modules []*module, version string) string {
	lines := []string{"git add .ci/api", fmt.Sprintf("git commit -am 'Release %s'", version)}
	push := "git push origin main"
	for _, m := range modules {
		if m.had {
			lines = append(lines, fmt.Sprintf("git tag -a %s -m '%s %s'", m.tag(version), m.path, version))
			push += " " + m.tag(version)
		}
	}
	return "  " + strings.Join(append(lines, push), "\n  ") + "\n"
}

// show runs a command whose output the reader sees.
func show(dir string, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stdout, os.Stderr
	return cmd.Run()
}
