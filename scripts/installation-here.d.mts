/** How the distribution of this machine gets a software Vulkan driver; undefined where it is no Linux. */
export function installationHere(): { readonly command: string } | undefined;
