// Template strings (PEP 750): the types behind string.templatelib.
#pragma once

#include <Python.h>

extern "C" PyTypeObject _PyTemplate_Type, _PyTemplateIter_Type, _PyInterpolation_Type;
