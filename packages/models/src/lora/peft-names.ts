// The names of PEFT's files, and of the tensors in them.

export const ADAPTER_CONFIG_FILE = 'adapter_config.json';
export const ADAPTER_WEIGHTS_FILE = 'adapter_model.safetensors';

/** Not of PEFT, which passes it over: what an objective trained beside the adapters. */
export const OBJECTIVE_FILE = 'objective.safetensors';

/** The tensors of the adapter of a module. */
export const tensorNames = (module: string): { readonly a: string; readonly b: string } => ({
  a: `base_model.model.${module}.lora_A.weight`,
  b: `base_model.model.${module}.lora_B.weight`,
});
