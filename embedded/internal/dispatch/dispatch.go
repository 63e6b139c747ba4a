// Package dispatch finds out which of the linked components a call of the binary means.
//
// It knows nothing of Kubernetes, so that its rules can be tested without the ten minutes that
// compiling the components takes.
package dispatch

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Component is one program inside the binary.
type Component struct {
	// Name is the first argument, or the name of a link to the binary, that selects it.
	Name string
	// Run gets the arguments after the name and returns the exit code of the process.
	Run func(args []string) int
}

// Pick returns the component that argv (with the program's own name first) asks for, and its arguments.
// A link named like a component wins, so that `kubectl` may be a link to the binary.
func Pick(components []Component, argv []string) (Component, []string, error) {
	if len(argv) > 0 {
		if found, ok := byName(components, filepath.Base(argv[0])); ok {
			return found, argv[1:], nil
		}
	}
	if len(argv) < 2 {
		return Component{}, nil, fmt.Errorf("no component was named: say one of %s", names(components))
	}
	if found, ok := byName(components, argv[1]); ok {
		return found, argv[2:], nil
	}
	return Component{}, nil, fmt.Errorf("there is no component %q here: say one of %s", argv[1], names(components))
}

// Part is one component of a process that runs several.
type Part struct {
	Name string
	Args []string
}

// Split takes `a --x -- b --y` apart into the named parts and their arguments.
// Each name must be allowed and may stand there once: two of a kind cannot share a process.
func Split(args, allowed []string) ([]Part, error) {
	var parts []Part
	for len(args) > 0 {
		end := slices.Index(args, "--")
		if end < 0 {
			end = len(args)
		}
		if end == 0 {
			return nil, fmt.Errorf("a component's name must stand before and after each --: say some of %s", strings.Join(allowed, ", "))
		}
		part := Part{Name: args[0], Args: args[1:end]}
		if !slices.Contains(allowed, part.Name) {
			return nil, fmt.Errorf("%q cannot run in this process: say some of %s", part.Name, strings.Join(allowed, ", "))
		}
		if slices.ContainsFunc(parts, func(p Part) bool { return p.Name == part.Name }) {
			return nil, fmt.Errorf("%s is named twice: name it once", part.Name)
		}
		parts = append(parts, part)
		args = args[min(end+1, len(args)):]
	}
	if len(parts) == 0 {
		return nil, fmt.Errorf("no component was named: say some of %s, with -- between them", strings.Join(allowed, ", "))
	}
	return parts, nil
}

func byName(components []Component, name string) (Component, bool) {
	i := slices.IndexFunc(components, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return Component{}, false
	}
	return components[i], true
}

func names(components []Component) string {
	all := make([]string, len(components))
	for i, c := range components {
		all[i] = c.Name
	}
	return strings.Join(all, ", ")
}
