package dispatch

import (
	"reflect"
	"strings"
	"testing"
)

var two = []Component{{Name: "kubectl"}, {Name: "etcd"}}

func TestPick(t *testing.T) {
	cases := []struct {
		argv []string
		name string
		args []string
	}{
		{[]string{"/opt/labgrader-kube", "etcd", "--data-dir=x"}, "etcd", []string{"--data-dir=x"}},
		{[]string{"/opt/kubectl", "get", "pods"}, "kubectl", []string{"get", "pods"}},
		{[]string{"kubectl", "etcd"}, "kubectl", []string{"etcd"}},
		{[]string{"labgrader-kube", "kubectl"}, "kubectl", []string{}},
	}
	for _, c := range cases {
		found, args, err := Pick(two, c.argv)
		if err != nil || found.Name != c.name || !reflect.DeepEqual(args, c.args) {
			t.Errorf("Pick(%q) = %q, %q, %v; want %q, %q", c.argv, found.Name, args, err, c.name, c.args)
		}
	}
}

func TestPickNamesTheChoicesWhenNothingFits(t *testing.T) {
	for _, argv := range [][]string{nil, {"labgrader-kube"}, {"labgrader-kube", "docker"}} {
		_, _, err := Pick(two, argv)
		if err == nil || !strings.Contains(err.Error(), "kubectl, etcd") {
			t.Errorf("Pick(%q) gave the error %v; want one that names kubectl, etcd", argv, err)
		}
	}
}

func TestSplit(t *testing.T) {
	parts, err := Split([]string{"a", "--x", "1", "--", "b"}, []string{"a", "b"})
	want := []Part{{"a", []string{"--x", "1"}}, {"b", []string{}}}
	if err != nil || !reflect.DeepEqual(parts, want) {
		t.Errorf("Split = %v, %v; want %v", parts, err, want)
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, args := range [][]string{{}, {"--"}, {"c"}, {"a", "--", "a"}, {"a", "--", "--", "b"}} {
		if parts, err := Split(args, []string{"a", "b"}); err == nil {
			t.Errorf("Split(%q) = %v; want an error", args, parts)
		}
	}
}
