import type { Secrets } from '../../src/base/secret-data.ts';
import { renderInSteps, type RenderedTemplate } from '../../src/template/render-template.ts';
import type { Template } from '../../src/template/parse.ts';

/** Renders a template in one go, however long it takes. */
export function renderTemplate(template: Template, secrets: Secrets): RenderedTemplate {
  const steps = renderInSteps(template, secrets);
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}
