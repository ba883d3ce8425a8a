// Makes vectors.json of inputs.json: what Go's yaml.v3, encoding/json, net/url, crypto/hmac and the api package of Vault make of
// classes and answers, by the rules that a provider of the Secrets Store CSI driver for Vault follows.
//
//	cd test/support/csi-vectors && go run . < inputs.json > vectors.json && npm run format
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"path"
	"strings"

	"github.com/hashicorp/vault/api"
	"gopkg.in/yaml.v3"
)

// An entry of `objects`. Versions depend on the names of its fields and on their order.
type object struct {
	ObjectName     string                 `yaml:"objectName"`
	SecretPath     string                 `yaml:"secretPath"`
	SecretKey      string                 `yaml:"secretKey"`
	Method         string                 `yaml:"method"`
	SecretArgs     map[string]interface{} `yaml:"secretArgs"`
	FilePermission os.FileMode            `yaml:"filePermission"`
	Encoding       string                 `yaml:"encoding"`
}

type inputs struct {
	Lists   []string `json:"lists"`
	Scalars []string `json:"scalars"`
	Paths   []string `json:"paths"`
	Answers []answer `json:"answers"`
}

type answer struct {
	SecretKey string `json:"secretKey"`
	Encoding  string `json:"encoding"`
	Body      string `json:"body"`
}

type vectors struct {
	Key     string       `json:"key"`
	Lists   []listVector `json:"lists"`
	Scalars []listVector `json:"scalars"`
	Modes   []modeVector `json:"modes"`
	Paths   []pathVector `json:"paths"`
	Answers []answerMade `json:"answers"`
}

// Configs is null for what Go refuses; each has the version of the content "content".
type listVector struct {
	Text     string   `json:"text"`
	Configs  []string `json:"configs"`
	Versions []string `json:"versions,omitempty"`
}

type modeVector struct {
	Text string  `json:"text"`
	Mode *uint32 `json:"mode"`
}

// URLPath is null for what Go refuses.
type pathVector struct {
	SecretPath string  `json:"secretPath"`
	URLPath    *string `json:"urlPath"`
	Query      string  `json:"query"`
}

// Content is null for what is an error.
type answerMade struct {
	answer
	Content *string `json:"content"`
	Version string  `json:"version,omitempty"`
}

var key = []byte("0123456789abcdef0123456789abcdef")

func version(one object, content []byte) (string, error) {
	config, err := json.Marshal(one)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(append(config, content...))
	return base64.URLEncoding.EncodeToString(mac.Sum(nil)), nil
}

func list(text string) listVector {
	made := listVector{Text: text}
	var objects []object
	if yaml.Unmarshal([]byte(text), &objects) != nil {
		return made
	}
	configs := []string{}
	versions := []string{}
	for _, one := range objects {
		config, err := json.Marshal(one)
		if err != nil {
			return made
		}
		of, err := version(one, []byte("content"))
		if err != nil {
			return made
		}
		configs = append(configs, string(config))
		versions = append(versions, of)
	}
	made.Configs, made.Versions = configs, versions
	return made
}

func mode(text string) modeVector {
	var one object
	if yaml.Unmarshal([]byte("filePermission: "+text), &one) != nil {
		return modeVector{Text: text}
	}
	bits := uint32(one.FilePermission)
	return modeVector{Text: text, Mode: &bits}
}

func pathOf(secretPath string) pathVector {
	made := pathVector{SecretPath: secretPath}
	rest := strings.TrimPrefix(strings.TrimPrefix(secretPath, "/"), "v1/")
	below, query, _ := strings.Cut(rest, "?")
	values, err := url.ParseQuery(query)
	if err != nil {
		return made
	}
	joined := path.Join("", "/v1/"+below)
	made.URLPath, made.Query = &joined, values.Encode()
	return made
}

func contentOf(one answer) ([]byte, error) {
	secret, err := api.ParseSecret(strings.NewReader(one.Body))
	if err != nil {
		return nil, err
	}
	if secret == nil || secret.Data == nil {
		return nil, errors.New("no data")
	}
	if one.SecretKey == "" {
		return json.Marshal(secret)
	}
	data := secret.Data
	if inner, isMap := data["data"].(map[string]interface{}); isMap {
		data = inner
	}
	value, exists := data[one.SecretKey]
	if !exists {
		return nil, errors.New("no such key")
	}
	content, err := json.Marshal(value)
	if text, isText := value.(string); isText {
		content = []byte(text)
	}
	if err != nil {
		return nil, err
	}
	switch strings.ToLower(one.Encoding) {
	case "", "utf-8":
		return content, nil
	case "base64":
		return base64.StdEncoding.DecodeString(string(content))
	case "hex":
		return hex.DecodeString(string(content))
	}
	return nil, errors.New("no such encoding")
}

func answered(one answer) answerMade {
	made := answerMade{answer: one}
	content, err := contentOf(one)
	if err != nil {
		return made
	}
	text := base64.StdEncoding.EncodeToString(content)
	made.Content = &text
	config := object{ObjectName: "p", SecretPath: "secret/data/app", SecretKey: one.SecretKey, Encoding: one.Encoding}
	made.Version, _ = version(config, content)
	return made
}

func main() {
	var given inputs
	if err := json.NewDecoder(os.Stdin).Decode(&given); err != nil {
		panic(err)
	}
	made := vectors{Key: base64.StdEncoding.EncodeToString(key)}
	for _, text := range given.Lists {
		made.Lists = append(made.Lists, list(text))
	}
	for _, text := range given.Scalars {
		made.Scalars = append(made.Scalars, list("- secretArgs: { a: "+text+" }"))
		made.Modes = append(made.Modes, mode(text))
	}
	for _, text := range given.Paths {
		made.Paths = append(made.Paths, pathOf(text))
	}
	for _, one := range given.Answers {
		made.Answers = append(made.Answers, answered(one))
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	if err := out.Encode(made); err != nil {
		panic(err)
	}
}
