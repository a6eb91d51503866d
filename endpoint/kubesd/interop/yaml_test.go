//go:build linux

package interop

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// documents is the folder of the documents.
const documents = "../../../docs"

// object is one of a document's.
type object struct {
	kind, path string
	text       []byte
	object     map[string]any
}

// places are where objects of a kind live.
var places = map[string]string{
	"v1/Service": "/api/v1/namespaces/%s/services/%s", "v1/ServiceAccount": "/api/v1/namespaces/%s/serviceaccounts/%s",
	"v1/ConfigMap": "/api/v1/namespaces/%s/configmaps/%s", "v1/Secret": "/api/v1/namespaces/%s/secrets/%s",
	"apps/v1/Deployment":                       "/apis/apps/v1/namespaces/%s/deployments/%s",
	"policy/v1/PodDisruptionBudget":            "/apis/policy/v1/namespaces/%s/poddisruptionbudgets/%s",
	"networking.k8s.io/v1/NetworkPolicy":       "/apis/networking.k8s.io/v1/namespaces/%s/networkpolicies/%s",
	"rbac.authorization.k8s.io/v1/Role":        "/apis/rbac.authorization.k8s.io/v1/namespaces/%s/roles/%s",
	"rbac.authorization.k8s.io/v1/RoleBinding": "/apis/rbac.authorization.k8s.io/v1/namespaces/%s/rolebindings/%s",
}

var blocks = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```")

// documented are the objects that a document has in its blocks of YAML.
func documented(t *testing.T, name string) (all []object) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(documents, name))
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range blocks.FindAllSubmatch(text, -1) {
		for part := range strings.SplitSeq(string(block[1]), "\n---\n") {
			all = append(all, parse(t, name, part))
		}
	}
	return all
}

func parse(t *testing.T, name, text string) (o object) {
	t.Helper()
	o.text = []byte(text)
	if err := yaml.UnmarshalStrict(o.text, &o.object); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, text)
	}
	kind, _ := o.object["kind"].(string)
	place := places[fmt.Sprint(o.object["apiVersion"], "/", kind)]
	about, _ := o.object["metadata"].(map[string]any)
	if place == "" || about["name"] == nil || about["namespace"] == nil {
		t.Fatalf("%s: where does this live?\n%s", name, text)
	}
	o.kind, o.path = kind, fmt.Sprintf(place, about["namespace"], about["name"])
	return o
}

// What the documents have of YAML a real API server accepts, and has no warning for. What is spoilt it does not.
func TestTheYAMLOfTheDocuments(t *testing.T) {
	c := startCluster(t)
	judge := func(o object) (code int, answer []byte) {
		return c.ask(t, http.MethodPatch, o.path+"?fieldManager=test&dryRun=All&fieldValidation=Strict", "application/apply-patch+yaml", o.text)
	}
	files, err := filepath.Glob(documents + "/*.md")
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, file := range files {
		for _, o := range documented(t, filepath.Base(file)) {
			kinds[o.kind]++
			if code, answer := judge(o); code != http.StatusCreated && code != http.StatusOK {
				t.Errorf("%s: %d: %s\n%s", file, code, answer, o.text)
			}
			if o.kind != "Deployment" {
				continue
			}
			for _, spoil := range []string{"replicas:", "image:"} {
				bad := o
				bad.text = []byte(strings.Replace(string(o.text), spoil, "x"+spoil, 1))
				if code, answer := judge(bad); code < 400 {
					t.Errorf("%s: with x%s it is accepted: %d: %s", file, spoil, code, answer)
				}
			}
		}
	}
	t.Log("accepted: ", kinds)
	for _, kind := range []string{"Deployment", "Service", "ServiceAccount", "Role", "RoleBinding"} {
		if kinds[kind] == 0 {
			t.Errorf("the documents have no %s", kind)
		}
	}
}
