// What needs the editor, which is most of the bundle: loaded beside the shell, so that the sign-in form does not wait for it.

export { labPage } from "./owner/lab";
export { Workbench } from "./workbench";
