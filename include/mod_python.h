/* For C modules that want to run Python: what mod_python offers as optional functions.
 *
 *     APR_OPTIONAL_FN_TYPE(mp_acquire_interpreter) *acquire =
 *         APR_RETRIEVE_OPTIONAL_FN(mp_acquire_interpreter);
 *
 * in a function of ap_hook_optional_fn_retrieve; NULL where mod_python is not loaded. They are for
 * httpd's children; no Python runs in the parent. Compile with the same Python as mod_python.
 */
#ifndef MOD_PYTHON_H
#define MOD_PYTHON_H

#include <Python.h>

#include "apr_optional.h"
#include "httpd.h"

/* Enters an interpreter (PythonInterpreter), the main one for NULL; makes it if need be. The calling
 * thread holds its GIL until it calls mp_release_interpreter. NULL, and nothing to release, when
 * there is none; the error log says why. Calls can be nested. */
APR_DECLARE_OPTIONAL_FN(PyInterpreterState *, mp_acquire_interpreter, (const char *name));

/* Leaves the interpreter that this thread entered last. */
APR_DECLARE_OPTIONAL_FN(void, mp_release_interpreter, (void));

/* Objects of mod_python.apache, of the interpreter entered last. They can be used until it is
 * released; later, Python code gets a RuntimeError. NULL with a Python exception set on errors.
 * The request is a borrowed reference, the others are new ones. */
APR_DECLARE_OPTIONAL_FN(PyObject *, mp_get_request_object, (request_rec *r));
APR_DECLARE_OPTIONAL_FN(PyObject *, mp_get_server_object, (server_rec *s));
APR_DECLARE_OPTIONAL_FN(PyObject *, mp_get_connection_object, (conn_rec *c));

#endif
