import type { Tensor, Variable } from '@foretoken/tensor';
import { ConfigError, checkRange } from './errors.js';
import { Optimizer, type ParameterGroup, type StepScalars } from './optimizer.js';

export interface SGDConfig {
  /** Default 0: plain gradient descent. */
  readonly momentum?: number;
  /** Look ahead along the momentum. Default false. */
  readonly nesterov?: boolean;
  /** Added to the gradient, times the value (not decoupled, as in torch.optim.SGD). Default 0. */
  readonly weightDecay?: number;
}

/**
 * Gradient descent as torch.optim.SGD does it: `g += decay p; b = momentum b + g; p -= rate * b`, or with
 * Nesterov's momentum `p -= rate * (g + momentum b)`.
 */
export class SGD extends Optimizer<Required<SGDConfig>> {
  constructor(
    parameters: ReadonlyMap<string, Variable> | readonly ParameterGroup<Required<SGDConfig>>[],
    { momentum = 0, nesterov = false, weightDecay = 0 }: SGDConfig = {},
  ) {
    super(parameters, { momentum, nesterov, weightDecay }, (config) =>
      config.momentum === 0 ? [] : ['velocity'],
    );
    for (const { config } of this.entries) {
      checkRange('SGD', 'momentum', config.momentum, 0, 1, true);
      checkRange('SGD', 'weightDecay', config.weightDecay, 0, Number.MAX_VALUE);
      if (config.nesterov && config.momentum === 0)
        throw new ConfigError('SGD: nesterov needs a momentum above 0.');
    }
  }

  protected override update(
    name: string,
    variable: Variable,
    gradient: Tensor,
    { momentum, nesterov, weightDecay }: Required<SGDConfig>,
    scalars: Pick<StepScalars, 'learningRate' | 'accept'>,
  ): void {
    const { learningRate } = scalars;
    const pull = weightDecay === 0 ? gradient : gradient.add(variable.mul(weightDecay));
    if (momentum === 0) {
      variable.assign(this.next(variable, variable.sub(pull.mul(learningRate)), scalars));
      return;
    }
    const velocity = this.slot(name, 'velocity');
    const moved = this.next(velocity, velocity.mul(momentum).add(pull), scalars);
    const direction = nesterov ? pull.add(moved.mul(momentum)) : moved;
    variable.assign(this.next(variable, variable.sub(direction.mul(learningRate)), scalars));
    velocity.assign(moved);
  }
}
