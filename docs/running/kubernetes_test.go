package running_test

import (
	"bufio"
	"bytes"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// cluster is what the manifests make.
type cluster struct {
	config  *corev1.ConfigMap
	set     *appsv1.StatefulSet
	service *corev1.Service
	budget  *policyv1.PodDisruptionBudget
	policy  *networkingv1.NetworkPolicy
	ingress *networkingv1.Ingress
}

// decode reads manifests as an API server does that is told to be strict: an
// unknown field, or one that stands twice, is an error.
func decode(text string) (*cluster, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	c := new(cluster)
	for docs := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text))); ; {
		doc, err := docs.Read()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		object, kind, err := decoder.Decode(doc, nil, nil)
		if err != nil {
			return nil, fmt.Errorf("decode %v: %w", kind, err)
		}
		switch o := object.(type) {
		case *corev1.ConfigMap:
			c.config = o
		case *appsv1.StatefulSet:
			c.set = o
		case *corev1.Service:
			c.service = o
		case *policyv1.PodDisruptionBudget:
			c.budget = o
		case *networkingv1.NetworkPolicy:
			c.policy = o
		case *networkingv1.Ingress:
			c.ingress = o
		default:
			return nil, fmt.Errorf("decode: nobody asked for %v", kind)
		}
	}
}

func manifests(t *testing.T) *cluster {
	t.Helper()
	c, err := decode(readFile(t, "kubernetes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestManifestsAreStrict: the manifests decode, and would not with a slip.
func TestManifestsAreStrict(t *testing.T) {
	manifests(t)
	for old, new := range map[string]string{
		"  replicas: 1\n":         "  replica: 1\n",
		"runAsNonRoot":            "runasNonRoot",
		"  serviceName: baton\n":  "  serviceName: baton\n  serviceName: baton\n",
		"memory: 1Gi":             "memory: 1Gib",
		"kind: NetworkPolicy":     "kind: NetworkPolice",
		"  maxUnavailable: 1\n":   "  maxUnavailable: [1]\n",
		"periodSeconds: 2\n":      "periodSeconds: 2s\n",
		"pathType: Prefix\n":      "pathtype: Prefix\n",
		"defaultMode: 0440":       "defaultmode: 0440",
		"automountServiceAccount": "automountServiceaccount",
	} {
		if _, err := decode(edit(t, "kubernetes.yaml", map[string]string{old: new})); err == nil {
			t.Errorf("with %q for %q it decodes too", new, old)
		}
	}
}

// TestManifestsFitTogether: what names something names what is there.
func TestManifestsFitTogether(t *testing.T) {
	c := manifests(t)
	spec := c.set.Spec.Template.Spec
	relay := spec.Containers[0]
	labels := c.set.Spec.Template.Labels
	for what, selector := range map[string]map[string]string{
		"stateful set": c.set.Spec.Selector.MatchLabels, "service": c.service.Spec.Selector,
		"budget": c.budget.Spec.Selector.MatchLabels, "network policy": c.policy.Spec.PodSelector.MatchLabels,
	} {
		if !maps.Equal(selector, labels) {
			t.Errorf("the %s selects %v, the pod is %v", what, selector, labels)
		}
	}

	ports := map[string]int32{}
	for _, p := range relay.Ports {
		ports[p.Name] = p.ContainerPort
	}
	isPort := func(what string, p intstr.IntOrString) {
		if _, ok := ports[p.StrVal]; !ok {
			t.Errorf("%s names port %q; the container has %v", what, p.StrVal, ports)
		}
	}
	served := map[string]bool{}
	for _, p := range c.service.Spec.Ports {
		isPort("the service", p.TargetPort)
		served[p.Name] = true
	}
	for _, rule := range c.policy.Spec.Ingress {
		for _, p := range rule.Ports {
			isPort("the network policy", *p.Port)
		}
	}
	for _, rule := range c.ingress.Spec.Rules {
		for _, p := range rule.HTTP.Paths {
			if s := p.Backend.Service; s.Name != c.service.Name || !served[s.Port.Name] {
				t.Errorf("the ingress leads to %s:%s", s.Name, s.Port.Name)
			}
		}
	}
	if c.set.Spec.ServiceName != c.service.Name {
		t.Errorf("the stateful set is of service %q", c.set.Spec.ServiceName)
	}
	toml := c.config.Data["baton.toml"]
	for name, setting := range map[string]string{"http": "listen", "metrics": "metrics-listen"} {
		if want := fmt.Sprintf("%s = \":%d\"\n", setting, ports[name]); !strings.Contains("\n"+toml, "\n"+want) {
			t.Errorf("port %q is not what baton.toml says, want %s", name, want)
		}
	}

	mounts := map[string]string{}
	for _, m := range relay.VolumeMounts {
		mounts[m.MountPath] = m.Name
	}
	volumes := []string{c.set.Spec.VolumeClaimTemplates[0].Name}
	for _, v := range spec.Volumes {
		volumes = append(volumes, v.Name)
	}
	for at, name := range mounts {
		if !slices.Contains(volumes, name) {
			t.Errorf("what is mounted on %s, %q, is none of %q", at, name, volumes)
		}
	}
	if file := relay.Args[len(relay.Args)-1]; mounts[path.Dir(file)] != "config" || c.config.Data[path.Base(file)] == "" {
		t.Errorf("nothing puts a file at %s", file)
	}
	if *c.set.Spec.Replicas != 1 {
		t.Errorf("%d relays would fight for one log", *c.set.Spec.Replicas)
	}
}

// TestPodFitsTheImage: user and volume are those of the Dockerfile, and it is
// not killed while it drains.
func TestPodFitsTheImage(t *testing.T) {
	spec := manifests(t).set.Spec.Template.Spec
	list, err := dockerfile()
	if err != nil {
		t.Fatal(err)
	}
	user := fmt.Sprintf("%d:%d", *spec.SecurityContext.RunAsUser, *spec.SecurityContext.RunAsGroup)
	if !slices.Contains(list, instruction{"USER", user}) {
		t.Errorf("the pod runs as %s, which is not the Dockerfile's user", user)
	}
	if m := spec.Containers[0].VolumeMounts[0]; !slices.Contains(list, instruction{"VOLUME", m.MountPath}) {
		t.Errorf("%s is mounted on %s, which is not the Dockerfile's volume", m.Name, m.MountPath)
	}
	grace := time.Duration(*spec.TerminationGracePeriodSeconds) * time.Second
	if drain := drainTime(t); grace < drain+10*time.Second {
		t.Errorf("the pod is killed after %v; a drain may take %v, and closing the log is to be done then", grace, drain)
	}
}

// TestProbesAreAnswered asks a relay what Kubernetes would.
func TestProbesAreAnswered(t *testing.T) {
	addr := "127.0.0.1:" + freePort(t)
	relay := run(t, exec.Command(batonBinary(t), "serve", "--listen", addr, "--data", t.TempDir()))
	relay.awaitReady(t, addr)
	c := manifests(t).set.Spec.Template.Spec.Containers[0]
	for what, probe := range map[string]*corev1.Probe{"liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
		if status, body := fetch(t, http.DefaultClient, "http://"+addr+probe.HTTPGet.Path); status != http.StatusOK {
			t.Errorf("%s, GET %s: got %d %s", what, probe.HTTPGet.Path, status, body)
		}
	}
}

// TestRelayLinksNoKubernetes: the types that these tests need are in no binary.
func TestRelayLinksNoKubernetes(t *testing.T) {
	info, err := buildinfo.ReadFile(batonBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	if len(info.Deps) == 0 {
		t.Fatal("the binary names no modules")
	}
	for _, m := range info.Deps {
		if strings.Contains(m.Path, "k8s.io") {
			t.Errorf("the relay links %s", m.Path)
		}
	}
	binary, err := os.ReadFile(batonBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(binary, []byte("k8s.io/api/")) {
		t.Error("the relay's binary names k8s.io/api")
	}
}
