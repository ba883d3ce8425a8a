// Evaluates admission policies as the API server does, with its own code: a review for each line of stdin, its outcome for each line
// of stdout.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	v1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/admission"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	"k8s.io/apiserver/pkg/admission/plugin/policy/mutating/patch"
	"k8s.io/apiserver/pkg/admission/plugin/policy/validating"
	"k8s.io/apiserver/pkg/admission/plugin/webhook/matchconditions"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/openapi/openapitest"
)

type review struct {
	Mutating   []v1.MutatingAdmissionPolicy  `json:"mutating"`
	Validating *v1.ValidatingAdmissionPolicy `json:"validating"`
	Parameters *corev1.ConfigMap             `json:"parameters"`
	Namespace  *corev1.Namespace             `json:"namespace"`
	Operation  admission.Operation           `json:"operation"`
	Resource   string                        `json:"resource"`
	Object     json.RawMessage               `json:"object"`
	Old        json.RawMessage               `json:"old"`
}

type outcome struct {
	Object runtime.Object `json:"object,omitempty"`
	Denied []string       `json:"denied"`
	Error  string         `json:"error,omitempty"`
}

func main() {
	converters := patch.NewTypeConverterManager(nil, openapitest.NewEmbeddedFileClient())
	go converters.Run(context.Background())
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	answers := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		answer, err := admit(lines.Bytes(), converters)
		if err != nil {
			answer.Error = err.Error()
		}
		if err := answers.Encode(answer); err != nil {
			panic(err)
		}
	}
}

func admit(line []byte, converters patch.TypeConverterManager) (outcome, error) {
	answer := outcome{Denied: []string{}}
	var asked review
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer, err
	}
	object, kind, err := decode(asked.Object)
	if err != nil {
		return answer, err
	}
	answer.Object = object
	request := requestOf(asked, *kind)
	if len(asked.Old) > 0 {
		if request.old, _, err = decode(asked.Old); err != nil {
			return answer, err
		}
	}
	if asked.Operation == admission.Create && kind.Kind == "Pod" {
		if answer.Object, err = request.mutate(asked.Mutating, object, converters); err != nil {
			return answer, err
		}
	}
	if asked.Validating != nil {
		answer.Denied, err = request.validate(*asked.Validating, answer.Object)
	}
	return answer, err
}

func decode(text []byte) (runtime.Object, *schema.GroupVersionKind, error) {
	return scheme.Codecs.UniversalDeserializer().Decode(text, nil, nil)
}

type request struct {
	kind       schema.GroupVersionKind
	resource   schema.GroupVersionResource
	operation  admission.Operation
	old        runtime.Object
	namespace  *corev1.Namespace
	parameters runtime.Object
}

func requestOf(asked review, kind schema.GroupVersionKind) *request {
	made := &request{kind: kind, operation: asked.Operation, namespace: asked.Namespace}
	made.resource = kind.GroupVersion().WithResource(asked.Resource)
	if asked.Parameters != nil {
		made.parameters = asked.Parameters
	}
	return made
}

func (r *request) versioned(object runtime.Object) *admission.VersionedAttributes {
	named, _ := meta.Accessor(object)
	attributes := admission.NewAttributesRecord(object, r.old, r.kind, r.namespace.Name, named.GetName(), r.resource, "", r.operation,
		&metav1.CreateOptions{}, false, nil)
	return &admission.VersionedAttributes{
		Attributes: attributes, VersionedKind: r.kind, VersionedObject: object, VersionedOldObject: r.old}
}

// As often as the API server calls them: all once, then those again that were not skipped, if anything has changed.
func (r *request) mutate(policies []v1.MutatingAdmissionPolicy, object runtime.Object, converters patch.TypeConverterManager) (runtime.Object, error) {
	called := map[string]bool{}
	for round := 0; round < 2; round++ {
		before := object
		for _, policy := range policies {
			if round > 0 && !called[policy.Name] {
				continue
			}
			changed, matched, err := r.mutateBy(policy, object, converters)
			if err != nil {
				return object, fmt.Errorf("%s: %w", policy.Name, err)
			}
			object = changed
			called[policy.Name] = called[policy.Name] || matched
		}
		if equality.Semantic.DeepEqual(before, object) {
			break
		}
	}
	return object, nil
}

func (r *request) mutateBy(policy v1.MutatingAdmissionPolicy, object runtime.Object, converters patch.TypeConverterManager) (runtime.Object, bool, error) {
	selector, err := metav1.LabelSelectorAsSelector(policy.Spec.MatchConstraints.ObjectSelector)
	if err != nil {
		return object, false, err
	}
	named, _ := meta.Accessor(object)
	if !selector.Matches(labels.Set(named.GetLabels())) {
		return object, false, nil
	}
	declared := plugincel.OptionalVariableDeclarations{HasParams: policy.Spec.ParamKind != nil, HasAuthorizer: true}
	compiler, err := compilerWith(policy.Spec.Variables, declared)
	if err != nil {
		return object, false, err
	}
	ctx := compiler.CreateContext(context.Background())
	conditions := matcherOf(compiler, policy.Spec.MatchConditions, declared, policy.Spec.FailurePolicy, policy.Name)
	match := conditions.Match(ctx, r.versioned(object), r.parameters, nil)
	if match.Error != nil || !match.Matches {
		return object, false, match.Error
	}
	declared.HasPatchTypes = true
	for _, mutation := range policy.Spec.Mutations {
		patcher := patcherOf(compiler, mutation, declared)
		changed, err := patcher.Patch(ctx, patch.Request{
			MatchedResource:     r.resource,
			VersionedAttributes: r.versioned(object),
			ObjectInterfaces:    admission.NewObjectInterfacesFromScheme(scheme.Scheme),
			OptionalVariables:   plugincel.OptionalVariableBindings{VersionedParams: r.parameters},
			Namespace:           r.namespace,
			TypeConverter:       converters.GetTypeConverter(r.kind),
		}, celconfig.RuntimeCELCostBudget)
		if err != nil {
			return object, true, err
		}
		if object, err = scheme.Scheme.ConvertToVersion(changed, r.kind.GroupVersion()); err != nil {
			return object, true, err
		}
		object.GetObjectKind().SetGroupVersionKind(r.kind)
	}
	return object, true, nil
}

func patcherOf(compiler *plugincel.CompositedCompiler, mutation v1.Mutation, declared plugincel.OptionalVariableDeclarations) patch.Patcher {
	if mutation.PatchType == v1.PatchTypeJSONPatch {
		condition := &patch.JSONPatchCondition{Expression: mutation.JSONPatch.Expression}
		return patch.NewJSONPatcher(compiler.CompileMutatingEvaluator(condition, declared, environment.StoredExpressions))
	}
	condition := &patch.ApplyConfigurationCondition{Expression: mutation.ApplyConfiguration.Expression}
	return patch.NewApplyConfigurationPatcher(compiler.CompileMutatingEvaluator(condition, declared, environment.StoredExpressions))
}

func (r *request) validate(policy v1.ValidatingAdmissionPolicy, object runtime.Object) ([]string, error) {
	declared := plugincel.OptionalVariableDeclarations{HasParams: policy.Spec.ParamKind != nil, HasAuthorizer: true}
	compiler, err := compilerWith(policy.Spec.Variables, declared)
	if err != nil {
		return nil, err
	}
	var checks, messages []plugincel.ExpressionAccessor
	for _, check := range policy.Spec.Validations {
		checks = append(checks, &validating.ValidationCondition{Expression: check.Expression, Message: check.Message, Reason: check.Reason})
		var message plugincel.ExpressionAccessor
		if check.MessageExpression != "" {
			message = &validating.MessageExpressionCondition{MessageExpression: check.MessageExpression}
		}
		messages = append(messages, message)
	}
	saying := declared
	saying.HasAuthorizer = false
	validator := validating.NewValidator(
		compiler.CompileCondition(checks, declared, environment.StoredExpressions),
		matcherOf(compiler, policy.Spec.MatchConditions, declared, policy.Spec.FailurePolicy, policy.Name),
		compiler.CompileCondition(nil, declared, environment.StoredExpressions),
		compiler.CompileCondition(messages, saying, environment.StoredExpressions),
		policy.Spec.FailurePolicy, nil)
	ctx := compiler.CreateContext(context.Background())
	result := validator.Validate(ctx, r.resource, r.versioned(object), nil, r.namespace, celconfig.RuntimeCELCostBudget, nil)
	denied := []string{}
	for _, decision := range result.Decisions {
		if decision.Evaluation == validating.EvalError {
			return denied, fmt.Errorf("%s", strings.TrimSpace(decision.Message))
		}
		if decision.Action == validating.ActionDeny {
			denied = append(denied, decision.Message)
		}
	}
	return denied, nil
}

func compilerWith(variables []v1.Variable, declared plugincel.OptionalVariableDeclarations) (*plugincel.CompositedCompiler, error) {
	compiler, err := plugincel.NewCompositedCompiler(environment.MustBaseEnvSet(environment.DefaultCompatibilityVersion()))
	if err != nil {
		return nil, err
	}
	accessors := []plugincel.NamedExpressionAccessor{}
	for _, variable := range variables {
		accessors = append(accessors, &validating.Variable{Name: variable.Name, Expression: variable.Expression})
	}
	compiler.CompileAndStoreVariables(accessors, declared, environment.StoredExpressions)
	return compiler, nil
}

func matcherOf(compiler *plugincel.CompositedCompiler, conditions []v1.MatchCondition, declared plugincel.OptionalVariableDeclarations,
	failure *v1.FailurePolicyType, name string) matchconditions.Matcher {
	accessors := []plugincel.ExpressionAccessor{}
	for i := range conditions {
		accessors = append(accessors, (*matchconditions.MatchCondition)(&conditions[i]))
	}
	return matchconditions.NewMatcher(compiler.CompileCondition(accessors, declared, environment.StoredExpressions), failure, "policy", "validate", name)
}
